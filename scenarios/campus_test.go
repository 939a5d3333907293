package scenarios_test

import (
	"context"
	"testing"

	"clustercap/sim"
	"clustercap/sim/replicate"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

// TestCappedCampus holds what capped-campus.yaml is there to show: chips that wait for
// power, windows that are met, a battery and turbines that carry what the grid leaves
// short, and so train sooner; a floor that meets every limit on swings, and its price.
func TestCappedCampus(t *testing.T) {
	s, err := scenario.Load("capped-campus.yaml", scenario.Options{Set: []string{"replicas=2"}})
	if err != nil {
		t.Fatal(err)
	}
	sets := make(map[string]*result.Set)
	for _, name := range []string{"bridged", "grid-only", "calm"} {
		plan, err := s.Plan(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Money.LeftOut) > 0 {
			t.Errorf("%s has no price for %q", name, plan.Money.LeftOut)
		}
		prepared, err := sim.Prepare(plan)
		if err != nil {
			t.Fatal(err)
		}
		if sets[name], err = replicate.Run(context.Background(), prepared, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, set := range sets {
		site := &set.Site
		if d := site.DemandResponse; d.Windows.P10 != 92 || d.Met.P10 != 92 || !(d.CurtailedMWh.P10 > 0) {
			t.Errorf("%s: %g of %g windows met, %g MWh curtailed", name, d.Met.P10, d.Windows.P10, d.CurtailedMWh.P10)
		}
		if !(site.LateChips.P10 > 0 && set.Jobs[0].CappedTokens.P10 > 0) {
			t.Errorf("%s: %g chips waited for power, %g tokens lost to limits", name, site.LateChips.P10, set.Jobs[0].CappedTokens.P10)
		}
		if market := site.CO2MarketT.Mean; !(market > 0 && market < site.CO2t.Mean) {
			t.Errorf("%s: %g t by the market, %g t by place", name, market, site.CO2t.Mean)
		}
		met := true
		for _, w := range set.Swings {
			for _, c := range w.Checks {
				met = met && c.Met
			}
		}
		if met != (name == "calm") {
			t.Errorf("%s: all limits of the grid met: %t", name, met)
		}
	}
	bridged, alone, calm := sets["bridged"], sets["grid-only"], sets["calm"]
	days := func(s *result.Set, r int) float64 { return s.Values[result.JobKey("pretrain", "training_days")][r] }
	for r := range bridged.Replicas {
		if days(bridged, r) >= days(alone, r) {
			t.Errorf("replica %d trains %g days with a bridge, %g without", r, days(bridged, r), days(alone, r))
		}
	}
	if b := bridged.Site.Battery; !(b.DischargedMWh.P10 > 0 && b.ChargedMWh.Mean > b.DischargedMWh.Mean) || alone.Site.Battery != nil {
		t.Errorf("battery: %+v", b)
	}
	if made := bridged.Site.EnergyFrom[result.Generation.String()]; !(made.P10 > 0) {
		t.Errorf("turbines: %+v MWh", made)
	}
	if calm.Site.EnergyMWh.Mean <= bridged.Site.EnergyMWh.Mean {
		t.Errorf("%g MWh with a floor, %g without", calm.Site.EnergyMWh.Mean, bridged.Site.EnergyMWh.Mean)
	}
}
