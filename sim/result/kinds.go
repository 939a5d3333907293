package result

// State is what a chip on site is doing. The hours of all states sum to the
// chip-hours on site.
type State int

// The states, in the order they are shown.
const (
	Productive State = iota
	Recompute
	ExposedComm
	Bubble
	Straggler
	Checkpoint
	LostWork
	Restart
	Waiting
	Idle
	Throttled
	Repair
	Commissioning
	NumStates
)

var stateNames = [NumStates]string{
	"productive", "recompute", "exposed_comm", "bubble", "straggler", "checkpoint", "lost_work",
	"restart", "waiting", "idle", "throttled", "repair", "commissioning",
}

// String is the state's key in result.json.
func (s State) String() string { return stateNames[s] }

// Reason is why a job lost time.
type Reason int

// The reasons, in the order of what follows a failure.
const (
	LostToWork      Reason = iota // training since the newest checkpoint that survived
	LostToDetection               // stopped, nobody knew yet
	LostToWaiting                 // for servers
	LostToRestart
	NumReasons
)

var reasonNames = [NumReasons]string{"lost_work", "detection", "waiting", "restart"}

// String is the reason's key in result.json.
func (r Reason) String() string { return reasonNames[r] }

// Consumer is what draws power at the site.
type Consumer int

// The consumers, from the chips outwards; their energies sum to that at the meter.
const (
	Chips   Consumer = iota // accelerators
	Servers                 // everything else in a server
	Network                 // switches, optics and storage
	Cooling
	Losses // of conversion: transformers, UPS, distribution
	// Overhead is cooling and losses together, where the scenario gives a PUE in place of
	// both.
	Overhead
	NumConsumers
)

var consumerNames = [NumConsumers]string{"chips", "servers", "network", "cooling", "losses", "overhead"}

// String is the consumer's key in result.json.
func (c Consumer) String() string { return consumerNames[c] }

// Source is where the site's energy comes from.
type Source int

// The sources; their energies sum to that at the meter. Battery is what it gave less
// what it took: negative, since some is lost.
const (
	Grid Source = iota
	Generation
	Battery
	NumSources
)

var sourceNames = [NumSources]string{"grid", "generation", "battery"}

// String is the source's key in result.json.
func (s Source) String() string { return sourceNames[s] }

// Expense is what money is spent on. Capital comes first: what its purchases lose in
// value; the rest is paid as it comes.
type Expense int

// The expenses; they sum to the total cost.
const (
	ExpenseChips    Expense = iota
	ExpenseServers          // without chips
	ExpenseNetwork          // switches and optics
	ExpenseStorage          // with management network, racks and installation
	ExpenseParts            // stock of spare parts
	ExpenseFacility         // building and power infrastructure
	ExpenseSupply           // generators and battery
	ExpenseEnergy
	ExpenseDemand // charge for each month's highest power
	ExpenseStaff
	ExpenseMaintenance
	ExpenseRent
	ExpenseWater
	NumExpenses

	// NumAssets is the number of expenses that are purchases.
	NumAssets = ExpenseSupply + 1
)

var expenseNames = [NumExpenses]string{
	"chips", "servers", "network", "storage", "spare_parts", "facility", "supply", "energy", "demand", "staff", "maintenance", "rent",
	"water",
}

// String is the expense's key in result.json.
func (e Expense) String() string { return expenseNames[e] }

// Planned is the name of the cause that no failure is: maintenance and evictions, for
// which jobs stop once their work is saved.
const Planned = "planned"
