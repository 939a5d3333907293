// Package unit holds the typed quantities of the simulator. Every quantity is a
// float64 in SI base units (bytes and tokens count as base units), so arithmetic
// needs no conversion and a wrong dimension does not compile.
//
// Text forms always carry a unit ("400 W", "96 GiB", "700 GB/s", "15 T tokens",
// "0.5 CNY/kWh"); see Parse and ParseRange.
package unit

// The quantities. The comment gives the SI unit that the float64 counts.
type (
	Power           float64 // watt
	Energy          float64 // joule
	FLOPRate        float64 // floating-point operations per second
	Bytes           float64 // byte
	Bandwidth       float64 // bytes per second
	Duration        float64 // second
	Tokens          float64 // token
	Rate            float64 // events per second (per chip, where the field says so)
	Share           float64 // dimensionless, 1 = 100 %
	Factor          float64 // dimensionless multiplier, written as a bare number
	Money           float64 // amount in the currency that the field or its text names
	EnergyPrice     float64 // money per joule
	CarbonIntensity float64 // kilograms of CO2 equivalent per joule
	Carbon          float64 // kilograms of CO2 equivalent
	CapacityPrice   float64 // money per watt of capacity, once
	CapacityCharge  float64 // money per watt of capacity and second
	Spend           float64 // money per second
	VolumePrice     float64 // money per cubic metre

	Temperature           float64 // degrees Celsius
	TemperatureDifference float64 // kelvin
)

// Seconds in the calendar units that texts may use.
const (
	Second Duration = 1
	Minute Duration = 60
	Hour   Duration = 3600
	Day    Duration = 86400
	Year   Duration = 365 * Day
	Month  Duration = Year / 12
)

// Energy units.
const (
	KilowattHour Energy = 3.6e6
	MegawattHour Energy = 3.6e9
)

// Quantity is any of the quantities above.
type Quantity interface {
	Power | Energy | FLOPRate | Bytes | Bandwidth | Duration | Tokens | Rate | Share | Factor | Money | EnergyPrice | CarbonIntensity |
		Carbon | CapacityPrice | CapacityCharge | Spend | VolumePrice |
		Temperature | TemperatureDifference
}

// Price is a quantity of money, whose text names the currency.
type Price interface {
	Money | EnergyPrice | CapacityPrice | CapacityCharge | Spend | VolumePrice
}

// Range is a quantity known only to lie between Low and High, most likely at
// Likely. A value known exactly has all three equal; see Point.
type Range[Q Quantity] struct {
	Low, Likely, High Q
}

// Point returns the range of a value known exactly.
func Point[Q Quantity](v Q) Range[Q] { return Range[Q]{v, v, v} }

// Known reports whether the range is a single point.
func (r Range[Q]) Known() bool { return r.Low == r.High }
