package plots

import (
	"testing"

	"clustercap/sim/result"
)

// A layer of the cost chart is named after all that it holds: the demand charge is with the
// energy, generators and battery are with the building.
func TestCostLayersNameTheirExpenses(t *testing.T) {
	for _, c := range []struct {
		spent            []result.Expense
		building, energy string
	}{
		{[]result.Expense{result.ExpenseFacility, result.ExpenseEnergy}, "building", "energy"},
		{[]result.Expense{result.ExpenseFacility, result.ExpenseEnergy, result.ExpenseDemand}, "building", "energy and demand"},
		{[]result.Expense{result.ExpenseFacility, result.ExpenseSupply, result.ExpenseEnergy}, "building, supply", "energy"},
		{[]result.Expense{result.ExpenseSupply, result.ExpenseDemand}, "supply", "energy and demand"},
	} {
		s := &result.Set{Site: result.Site{CostBy: map[string]result.Stat{}}}
		for _, e := range c.spent {
			s.Site.CostBy[e.String()] = result.Stat{Mean: 1}
		}
		names := map[string]string{}
		for _, l := range costLayers(s) {
			names[l.column] = l.name
		}
		if names["cost_facility_per_day"] != c.building || names["cost_energy_per_day"] != c.energy {
			t.Errorf("%v: layers %v", c.spent, names)
		}
	}
}
