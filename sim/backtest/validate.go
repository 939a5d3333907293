package backtest

import (
	"math"
	"strconv"
)

// Validation is how the model does on steps that its constants have not seen. What is
// refitted is one factor of step time per software stack and chip; the other choices
// (which stack a family ran, which mechanisms exist) were made with all rows in sight,
// so the fourth figure takes the stack away too.
type Validation struct {
	Rows int `json:"rows"`
	// Fitted is the MAPE with the factors fitted to all rows, ByConfiguration with those
	// of the other folds, configurations dealt to folds, ByFamily with those of the other
	// families.
	Fitted          float64 `json:"mape_fitted"`
	ByConfiguration float64 `json:"mape_by_configuration"`
	ByFamily        float64 `json:"mape_by_family"`
	// Unknown is the errors of each family taken for one that nobody has heard of: the
	// stack is what its chip and its year suggest; the last is all of them together.
	Unknown []Group `json:"unknown_family"`
}

// validated is a row with what its factor is shared by.
type validated struct {
	log           float64 // ln(measured/predicted)
	key, family   string
	configuration string
}

// validate cross-validates the simulated rows; nil below two configurations.
func validate(rows []Row, on *shelf) *Validation {
	var list []validated
	fold := map[string]int{} // of a configuration, dealt in order of appearance
	for _, r := range simulated(rows) {
		v := validated{
			log:           math.Log(r.Measured / r.Predicted),
			key:           r.Config.Machine.Stack.Name + " " + r.Config.Machine.Chip.Name,
			family:        r.Family,
			configuration: r.Case.configuration(&r.Config),
		}
		list = append(list, v)
		if _, seen := fold[v.configuration]; !seen {
			fold[v.configuration] = len(fold) % folds
		}
	}
	if len(fold) < 2 {
		return nil
	}
	return &Validation{
		Rows:            len(list),
		Fitted:          refitted(list, func(*validated) string { return "" }),
		ByConfiguration: refitted(list, func(v *validated) string { return strconv.Itoa(fold[v.configuration]) }),
		ByFamily:        refitted(list, func(v *validated) string { return v.family }),
		Unknown:         unknown(rows, on),
	}
}

// mean is a sum and what it is over.
type mean struct{ sum, n float64 }

// refitted is the MAPE of all rows, each with the factor that the rows of its stack and
// chip have on average, those of its own part left out unless the part has no name;
// where none is left it keeps its price.
func refitted(list []validated, part func(*validated) string) float64 {
	shared, own := map[string]mean{}, map[[2]string]mean{}
	for i := range list {
		v := &list[i]
		s := shared[v.key]
		shared[v.key] = mean{s.sum + v.log, s.n + 1}
		if name := part(v); name != "" {
			o := own[[2]string{v.key, name}]
			own[[2]string{v.key, name}] = mean{o.sum + v.log, o.n + 1}
		}
	}
	sum := 0.0
	for i := range list {
		v := &list[i]
		s, o := shared[v.key], own[[2]string{v.key, part(v)}]
		factor := 0.0
		if n := s.n - o.n; n > 0 {
			factor = (s.sum - o.sum) / n
		}
		sum += math.Abs(math.Expm1(factor - v.log))
	}
	return sum / float64(len(list))
}

// unknown prices the rows as those of families that nobody has heard of.
func unknown(rows []Row, on *shelf) []Group {
	var out []Group
	var every []pair
	for _, some := range parted(simulated(rows), func(r *Row) string { return r.Family }) {
		var pairs []pair
		for _, r := range some {
			c := *r.Case
			c.Family = ""
			if again := price(&c, on); again.Error != nil {
				pairs = append(pairs, pair{r.ID, again.Predicted, r.Measured})
			}
		}
		every = append(every, pairs...)
		out = append(out, errorsOf("unknown", some[0].Family, pairs))
	}
	return append(out, errorsOf("unknown", "all", every))
}
