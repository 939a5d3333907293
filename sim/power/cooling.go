package power

import (
	"fmt"

	"clustercap/sim/unit"
)

// Rejection says how heat leaves the building.
type Rejection string

// The ways to reject heat.
const (
	Tower     Rejection = "tower"     // evaporates water: follows the wet bulb
	Dry       Rejection = "dry"       // follows the dry bulb
	Adiabatic Rejection = "adiabatic" // dry, with wetted pads in front on warm hours
)

// Cooling is how the heat of the IT equipment leaves: a share of it through cold plates
// into a warm loop, the rest through the room's air into a cold one. Each loop is cooled
// by outside air or water alone where that is cold enough, and by a chiller as far as it
// is not.
type Cooling struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Rejection is how heat leaves the building.
	Rejection Rejection `json:"rejection"`
	// Liquid is the share of the heat that cold plates take into the warm loop.
	Liquid unit.Range[unit.Share] `json:"liquid"`
	// WarmSupply and ColdSupply are the temperatures at which water leaves for the cold
	// plates and for the room's coils; Rise is what it gains there.
	WarmSupply unit.Range[unit.Temperature]           `json:"warm_supply"`
	ColdSupply unit.Range[unit.Temperature]           `json:"cold_supply"`
	Rise       unit.Range[unit.TemperatureDifference] `json:"rise"`
	// Approach is how near to the outside's temperature the water comes at full load.
	Approach unit.Range[unit.TemperatureDifference] `json:"approach"`
	// Chiller is the share of Carnot's efficiency that the chillers reach.
	Chiller unit.Range[unit.Share] `json:"chiller"`
	// RoomFans is the power of the room's fans per power of the heat that they move,
	// OutsideFans that of towers or coolers, Pumps that of all pumps; each at full load.
	RoomFans    unit.Range[unit.Share] `json:"room_fans"`
	OutsideFans unit.Range[unit.Share] `json:"outside_fans"`
	Pumps       unit.Range[unit.Share] `json:"pumps"`
	// Margin is the heat that can be carried away in design weather beyond what the power
	// limit allows the IT equipment, Derate what is lost of it per kelvin above that.
	// Design weather is exceeded in the share Exceeded of hours.
	Margin   unit.Range[unit.Share] `json:"margin"`
	Derate   unit.Range[unit.Share] `json:"derate"`
	Exceeded unit.Range[unit.Share] `json:"exceeded"`
}

// Validate lists what makes the cooling unusable.
func (c *Cooling) Validate() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Rejection != Tower && c.Rejection != Dry && c.Rejection != Adiabatic {
		bad("rejection: %q is none of tower, dry, adiabatic", c.Rejection)
	}
	if !(c.Rise.Low > 0) {
		bad("rise: %g K; water that gains nothing carries nothing", c.Rise.Low)
	}
	if !(c.Approach.Low > 0) {
		bad("approach: %g K; no exchanger reaches the outside's temperature", c.Approach.Low)
	}
	if !(c.Chiller.Low > 0) {
		bad("chiller: %g of Carnot's efficiency; it must be above 0", c.Chiller.Low)
	}
	if c.Exceeded.High >= 1 {
		bad("exceeded: %g of the hours; design weather is exceeded in few", c.Exceeded.High)
	}
	return errs
}

const (
	// minimumFlow of pumps and fans at variable speed, relative to full [prior, 0.3 to 0.5].
	minimumFlow = 0.4
	// minimumLift between evaporator and condenser, K: compressors need some pressure
	// ratio [prior, 8 to 12].
	minimumLift = 10
	// pinch of evaporator and condenser, K: between the refrigerant and the water that
	// leaves [memory, 1 to 3].
	pinch = 2
	// condenserRise of the cooling water through a condenser, K [memory, 5 to 6].
	condenserRise = 5
	// padEffect is how much of the way to the wet bulb wetted pads cool the air [memory,
	// 0.7 to 0.85].
	padEffect = 0.75
	// coolerRise of the air through a dry cooler at full load, K [prior, 10 to 15].
	coolerRise = 12
	// wetShare of a tower's heat leaves as vapour [memory, 0.75 to 0.95 over a year].
	wetShare = 0.85
	// makeUp is the water taken per water evaporated: blow-down at five cycles of
	// concentration adds a quarter [memory, 1.15 to 1.5].
	makeUp = 1.25
	// latentHeat of water at 25 C, J per litre.
	latentHeat = 2.44e6
)

// cooler is a Cooling at one draw of its ranges.
type cooler struct {
	rejection                   Rejection
	liquid                      float64
	warm, cold, rise, approach  float64
	carnot                      float64
	room, outside, pumps        float64
	margin, derate, designShare float64
}

func newCooler(c *Cooling) cooler {
	return cooler{
		rejection: c.Rejection, liquid: float64(c.Liquid.Likely),
		warm: float64(c.WarmSupply.Likely), cold: float64(c.ColdSupply.Likely),
		rise: float64(c.Rise.Likely), approach: float64(c.Approach.Likely), carnot: float64(c.Chiller.Likely),
		room: float64(c.RoomFans.Likely), outside: float64(c.OutsideFans.Likely), pumps: float64(c.Pumps.Likely),
		margin: float64(c.Margin.Likely), derate: float64(c.Derate.Likely), designShare: float64(c.Exceeded.Likely),
	}
}

// hourly is what an hour's weather makes of the cooling.
type hourly struct {
	compressor float64 // W per W of heat
	fans       float64 // of the outside fans' power at full load, with the flow it takes
	water      float64 // litres per joule of heat
	carry      float64 // heat that can be carried, relative to the design
}

// worse takes the more demanding of each.
func (h hourly) worse(o hourly) hourly {
	if h == (hourly{}) {
		return o
	}
	return hourly{max(h.compressor, o.compressor), max(h.fans, o.fans), max(h.water, o.water), min(h.carry, o.carry)}
}

func (h hourly) plus(k float64, o hourly) hourly {
	return hourly{h.compressor + k*o.compressor, h.fans + k*o.fans, h.water + k*o.water, h.carry + k*o.carry}
}

// ambient is the temperature that heat rejection works against, and the share of its
// heat that wetted pads evaporate for.
func (c *cooler) ambient(w Weather) (temperature, wetted float64) {
	switch c.rejection {
	case Tower:
		return w.WetBulb, wetShare
	case Adiabatic:
		if need := c.supply(); w.DryBulb+c.approach > need {
			gain := min(padEffect*(w.DryBulb-w.WetBulb), w.DryBulb+c.approach-need)
			return w.DryBulb - gain, gain / coolerRise
		}
	}
	return w.DryBulb, 0
}

// supply is the coldest water that is needed.
func (c *cooler) supply() float64 {
	if c.liquid >= 1 {
		return c.warm
	}
	return c.cold
}

// design is the ambient temperature that the plant is sized for.
func (c *cooler) design(year *Year) float64 {
	ambient := make([]float64, len(year.DryBulb))
	for h := range ambient {
		ambient[h], _ = c.ambient(year.at(h))
	}
	return exceeded(ambient, c.designShare)
}

// hourly prices an hour's weather.
func (c *cooler) hourly(w Weather, design float64) hourly {
	ambient, wetted := c.ambient(w)
	warm, warmFlow := c.loop(c.warm, ambient)
	cold, coldFlow := c.loop(c.cold, ambient)
	h := hourly{
		compressor: c.liquid*warm + (1-c.liquid)*cold,
		fans:       c.liquid*warmFlow + (1-c.liquid)*coldFlow,
		carry:      max((1+c.margin)*(1-c.derate*max(ambient-design, 0)), 0.1),
	}
	h.water = wetted * (1 + h.compressor) * makeUp / latentHeat
	return h
}

// loop is the compressor power per heat of a loop that leaves at supply, and the cube
// of the outside air flow that it takes relative to full.
func (c *cooler) loop(supply, ambient float64) (compressor, fans float64) {
	reached := ambient + c.approach
	if reached <= supply {
		flow := max(c.approach/(supply-ambient), minimumFlow)
		return 0, flow * flow * flow
	}
	free := max(supply+c.rise-reached, 0) / c.rise
	evaporator := supply - pinch
	lift := max(reached+condenserRise+pinch-evaporator, minimumLift)
	cop := c.carnot * (evaporator + 273.15) / lift
	return (1 - free) / cop, 1
}

// sized is the cooling of a plant that carries design watts of heat at full load, in an
// hour. Outside fans blow freely, for power as the cube of the flow; pumps and the room's
// fans hold a part of their pressure for valves and dampers, which leaves about the square.
func (c *cooler) sized(design float64, h *hourly) cooling {
	return cooling{
		compressor: h.compressor, perHeat: 1 / design,
		cube: design * c.outside * h.fans, square: design * (c.pumps + c.room*(1-c.liquid)),
	}
}

// cooling is the power of all cooling by the heat that it carries.
type cooling struct {
	compressor float64 // W per W of heat
	perHeat    float64 // flow relative to full per W of heat
	// cube and square are in watts at full flow.
	cube, square float64
}

func (c *cooling) power(heat float64) float64 {
	flow := heat * c.perHeat
	if flow < minimumFlow {
		flow = minimumFlow
	}
	return heat*c.compressor + flow*flow*(c.square+flow*c.cube)
}
