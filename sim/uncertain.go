package sim

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/des"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// uncertainty lists a plan's ranges that are more than a point. Every replica draws
// each of them once, from a stream named by the range's path, so that replica r of
// two plans meets the same chip efficiency and the same failure scale.
type uncertainty []uncertain

// uncertain is one range: the name of its stream and the way to it from the plan,
// a field number for a struct, an index for a slice.
type uncertain struct {
	cause string
	way   []int
}

// uncertainties walks the plan once.
func uncertainties(plan *scenario.Plan) uncertainty {
	var u uncertainty
	u.walk(reflect.ValueOf(plan).Elem(), "uncertain", nil)
	return u
}

func (u *uncertainty) walk(v reflect.Value, path string, way []int) {
	switch {
	case isRange(v.Type()):
		if v.Field(0).Float() != v.Field(2).Float() {
			*u = append(*u, uncertain{path, slices.Clone(way)})
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				u.walk(v.Field(i), path+"/"+f.Name, append(way, i))
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			name := strconv.Itoa(i)
			if f := v.Index(i).FieldByName("Name"); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
				name = f.String()
			}
			u.walk(v.Index(i), path+"/"+name, append(way, i))
		}
	}
}

// isRange recognises unit.Range[Q] for every quantity Q.
func isRange(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == reflect.TypeFor[unit.Range[unit.Factor]]().PkgPath() &&
		strings.HasPrefix(t.Name(), "Range[")
}

// machine reports whether replicas differ in what a step takes.
func (u uncertainty) machine() bool {
	return slices.ContainsFunc(u, func(x uncertain) bool {
		return strings.HasPrefix(x.cause, "uncertain/Chip/") || strings.HasPrefix(x.cause, "uncertain/Server/") ||
			strings.HasPrefix(x.cause, "uncertain/Fabric/") || strings.HasPrefix(x.cause, "uncertain/Stack/")
	})
}

// draw copies plan with every listed range collapsed to one draw from its
// triangular distribution.
func (u uncertainty) draw(plan, into *scenario.Plan, replica int) {
	u.collapse(plan, into, func(cause string, r unit.Range[unit.Factor]) unit.Factor {
		return r.At(des.Stream(plan.Seed, replica, cause).Float64())
	})
}

// expected copies plan with every range of the failure profile collapsed to its mean,
// which is what replicas meet; in one with a long tail that is far from the likeliest.
func (u uncertainty) expected(plan *scenario.Plan) *scenario.Plan {
	var into scenario.Plan
	u.collapse(plan, &into, func(cause string, r unit.Range[unit.Factor]) unit.Factor {
		if strings.HasPrefix(cause, "uncertain/Failures/") {
			return r.Mean()
		}
		return r.Likely
	})
	return &into
}

// collapse copies plan with every listed range collapsed to a value. The slices that hold
// ranges are copied too, into those that into has.
func (u uncertainty) collapse(plan, into *scenario.Plan, value func(cause string, r unit.Range[unit.Factor]) unit.Factor) {
	tiers, classes := into.Fabric.Tiers[:0], into.Failures.Classes[:0]
	rates, prices, carbon := into.Money.Rates[:0], into.Money.Tariff.Periods[:0], into.Money.Carbon.Periods[:0]
	*into = *plan
	into.Money.Rates = append(rates, plan.Money.Rates...)
	into.Money.Tariff.Periods = append(prices, plan.Money.Tariff.Periods...)
	into.Money.Carbon.Periods = append(carbon, plan.Money.Carbon.Periods...)
	into.Fabric.Tiers = append(tiers, plan.Fabric.Tiers...)
	into.Failures.Classes = append(classes, plan.Failures.Classes...)
	root := reflect.ValueOf(into).Elem()
	for i := range u {
		v := root
		for _, n := range u[i].way {
			if v.Kind() == reflect.Slice {
				v = v.Index(n)
			} else {
				v = v.Field(n)
			}
		}
		r := unit.Range[unit.Factor]{
			Low: unit.Factor(v.Field(0).Float()), Likely: unit.Factor(v.Field(1).Float()), High: unit.Factor(v.Field(2).Float()),
		}
		x := float64(value(u[i].cause, r))
		for f := range 3 {
			v.Field(f).SetFloat(x)
		}
	}
}
