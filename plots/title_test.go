package plots_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"clustercap/plots"
	"clustercap/sim/compare"
	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

func titled(t *testing.T, charts []plots.Chart, name string) string {
	t.Helper()
	i := slices.IndexFunc(charts, func(c plots.Chart) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no chart %s", name)
	}
	return charts[i].Title
}

// One point shows no trend: the chart is left out. Two of any job are drawn.
func TestScalingNeedsTwoPoints(t *testing.T) {
	has := func(s *result.Set) bool {
		return slices.ContainsFunc(plots.ForSet(s), func(c plots.Chart) bool { return c.Name == "scaling" })
	}
	s := set(t, resulttest.GrowHundred())
	all := s.Scaling
	s.Scaling = nil
	if has(s) {
		t.Error("a chart of no points")
	}
	s.Scaling = all[:1]
	if has(s) {
		t.Error("a chart of one point")
	}
	s.Scaling = []result.ScalingPoint{all[0], all[len(all)-1]}
	if has(s) {
		t.Error("a chart of one point for each of two jobs")
	}
	s.Scaling = all[:2]
	if !has(s) {
		t.Error("no chart of two points")
	}
	for _, c := range append(plots.ForSet(s), plots.ForComparison(comparison(t))...) {
		if !slices.Contains(plots.Names(), c.Name) {
			t.Errorf("Names leaves out %s", c.Name)
		}
	}
}

// The title counts the chips that the job's layouts use, not those offered.
func TestScalingTitleCountsUsedChips(t *testing.T) {
	s := set(t, resulttest.GrowHundred())
	s.Scaling = []result.ScalingPoint{
		{Job: s.Jobs[0].Name, Chips: 10_000, Used: 8_192, TokensPerSecond: 100, MFU: 0.4, Delivered: 90},
		{Job: s.Jobs[0].Name, Chips: 20_000, Used: 16_384, TokensPerSecond: 200, MFU: 0.4, Delivered: 162},
	}
	for _, c := range plots.ForSet(s) {
		if c.Name == "scaling" && !strings.Contains(c.Subtitle, "dips: chips that no layout uses") {
			t.Errorf("the subtitle does not explain idle chips: %q", c.Subtitle)
		}
	}
	want := "From 8,192 to 16,384 chips in use (×2) dense-400b trains ×2 faster; with failures ×1.8"
	if got := titled(t, plots.ForSet(s), "scaling"); got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

// finished makes a plan finish its jobs in the first n replicas.
func finished(s *result.Set, n int) {
	for i := range s.Jobs {
		values := s.Values[result.JobKey(s.Jobs[i].Name, "finished")]
		for r := range values {
			values[r] = 0
			if r < n {
				values[r] = 1
			}
		}
		s.Jobs[i].FinishedShare = float64(n) / float64(s.Replicas)
	}
}

func TestProgressTitleCountsReplicas(t *testing.T) {
	for _, c := range []struct {
		done [3]int
		want string
	}{
		{[3]int{0, 0, 0}, "No plan finishes every job by 2028-04-30"},
		{[3]int{16, 16, 16}, "Every plan finishes every job by 2028-04-30"},
		{[3]int{0, 3, 15}, "grow-100k finishes every job by 2028-04-30 in 15 of 16 replicas, grow-30k in 3 of 16, hold-10k in none"},
		{[3]int{0, 0, 16}, "grow-100k finishes every job by 2028-04-30 in all 16 replicas, hold-10k and grow-30k in none"},
	} {
		sets := []*result.Set{set(t, resulttest.HoldTenThousand()), set(t, resulttest.GrowThirty()), set(t, resulttest.GrowHundred())}
		for i, s := range sets {
			if s.Replicas != 16 {
				t.Fatalf("%d replicas", s.Replicas)
			}
			finished(s, c.done[i])
		}
		cmp, err := compare.New(sets)
		if err != nil {
			t.Fatal(err)
		}
		if got := titled(t, plots.ForComparison(cmp), "progress"); got != c.want {
			t.Errorf("title %q, want %q", got, c.want)
		}
	}
}

// A price is named only where both plans train the whole job and the costs differ
// by more than chance.
func TestPlansTitleNamesAPrice(t *testing.T) {
	const clause = "of the site's energy cost"
	title := func(change func(first, other *result.Set)) string {
		first, other := set(t, resulttest.GrowThirty()), set(t, resulttest.GrowHundred())
		finished(first, first.Replicas)
		finished(other, other.Replicas)
		change(first, other)
		c, err := compare.New([]*result.Set{first, other})
		if err != nil {
			t.Fatal(err)
		}
		return titled(t, plots.ForComparison(c), "plans")
	}
	if got := title(func(*result.Set, *result.Set) {}); !strings.Contains(got, clause) {
		t.Fatalf("two whole trainings of different cost: %q", got)
	}
	for name, change := range map[string]func(first, other *result.Set){
		"the first plan is unfinished": func(first, _ *result.Set) { finished(first, 3) },
		"both are unfinished":          func(first, other *result.Set) { finished(first, 0); finished(other, 0) },
		"the same cost":                func(first, other *result.Set) { other.Values["site/cost"] = first.Values["site/cost"] },
		"a difference of chance": func(first, other *result.Set) {
			values := slices.Clone(first.Values["site/cost"])
			for r := range values { // alternating: the mean of the differences is 0
				values[r] += math.Copysign(1e6, float64(r%2)-0.5)
			}
			other.Values["site/cost"] = values
		},
	} {
		if got := title(change); strings.Contains(got, clause) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Training that differs by chance alone is not called sooner.
	got := title(func(first, other *result.Set) {
		key := result.JobKey(first.Jobs[0].Name, "training_days")
		other.Values[key] = first.Values[key]
	})
	if !strings.HasPrefix(got, "No plan trains dense-400b clearly sooner than grow-30k") {
		t.Errorf("the same training time: %q", got)
	}
	// Nor is the first plan called soonest then.
	for name, other := range map[string]resulttest.Plan{"the same plan": resulttest.GrowHundred(), "a slower one": resulttest.GrowThirty()} {
		first, second := set(t, resulttest.GrowHundred()), set(t, other)
		finished(first, first.Replicas)
		finished(second, second.Replicas)
		c, err := compare.New([]*result.Set{first, second})
		if err != nil {
			t.Fatal(err)
		}
		want := ", as soon as any plan"
		if name == "a slower one" {
			want = ", soonest of all plans"
		}
		if got := titled(t, plots.ForComparison(c), "plans"); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Amounts in another currency are not compared: such a plan is never the cheapest.
func TestTokenCostTitleComparesOneCurrency(t *testing.T) {
	first, other := set(t, resulttest.GrowThirty()), set(t, resulttest.GrowHundred())
	for i, s := range []*result.Set{first, other} {
		s.Site.Capital.Mean = 1e9
		v := 60.0 / float64(i+1)
		s.Jobs[0].CostPerMTokens = result.Stat{Mean: v, P10: v, P50: v, P90: v}
	}
	title := func() string {
		c, err := compare.New([]*result.Set{first, other})
		if err != nil {
			t.Fatal(err)
		}
		return titled(t, plots.ForComparison(c), "token-cost")
	}
	key := result.JobKey("dense-400b", "cost_per_m_tokens")
	first.Values[key] = slices.Repeat([]float64{60}, first.Replicas)
	other.Values[key] = slices.Clone(first.Values[key])
	other.Jobs[0].CostPerMTokens = first.Jobs[0].CostPerMTokens
	if got, want := title(), "A million tokens of dense-400b cost 60.0 CNY under grow-30k; no plan is clearly cheaper"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	other.Values[key] = slices.Repeat([]float64{30}, other.Replicas)
	other.Jobs[0].CostPerMTokens = result.Stat{Mean: 30, P10: 30, P50: 30, P90: 30}
	finished(other, 3)
	if got, want := title(), "A million tokens of dense-400b cost least under grow-100k, 30.0 CNY, but grow-100k does not finish in time"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	finished(other, other.Replicas)
	if got, want := title(), "A million tokens of dense-400b cost least under grow-100k, 30.0 CNY"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	other.LeftOut = []string{"staff"}
	if got := title(); !strings.HasSuffix(got, "; not all plans count the same costs") {
		t.Errorf("title %q of plans one of which leaves out staff", got)
	}
	other.Currency = "USD"
	if got, want := title(), "A million tokens of dense-400b cost 60.0 CNY under grow-30k; no other plan counts in CNY"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

// What the grid gives and what comes on top is told apart, and a cap is written alike in
// title and chart.
func TestPowerChartTellsTheGridFromTheRest(t *testing.T) {
	s := set(t, resulttest.GrowHundred())
	subtitle := func() string {
		charts := plots.ForSet(s)
		return charts[slices.IndexFunc(charts, func(c plots.Chart) bool { return c.Name == "power" })].Subtitle
	}
	s.Site.DemandResponse = &result.DemandResponse{
		Agreed:  []result.AgreedWindow{{FromDays: 100, UntilDays: 200, LimitMW: 50}},
		Windows: result.Stat{Mean: 10}, Hours: result.Stat{Mean: 40},
	}
	if got, want := subtitle(), "; beside names, means of the calendar; dashes: 50 MW in demand windows of 4 h"; !strings.HasSuffix(got, want) {
		t.Errorf("subtitle %q, want %q", got, want)
	}
	s.Site.GeneratorsMW, s.Site.Battery = 15, &result.BatteryUse{}
	if got, want := subtitle(), "; cap: 15 MW of it generators, the battery on top; dashes: the grid's 35 MW and the generators in demand windows of 4 h"; !strings.HasSuffix(got, want) {
		t.Errorf("subtitle %q, want %q", got, want)
	}
	low := set(t, resulttest.HoldTenThousand())
	for i := range low.Jobs {
		low.Jobs[i].CappedTokens = result.Stat{}
	}
	limit, _ := low.Timeline.Column("power_limit_mw")
	for i := range limit.Mean {
		limit.Mean[i], limit.P10[i], limit.P90[i] = 30, 30, 30
	}
	if got := titled(t, plots.ForSet(low), "power"); !strings.HasSuffix(got, " of 30 MW") {
		t.Errorf("title %q, the chart writes 30 MW", got)
	}
}

// What limits cost in tokens is the power chart's message, whether or not the peak is near them.
func TestPowerTitleSaysWhatLimitsCost(t *testing.T) {
	s := set(t, resulttest.GrowHundred())
	first := &s.Jobs[0]
	first.Tokens.Mean, first.CappedTokens.Mean = 9e12, 1e12
	if got, want := titled(t, plots.ForSet(s), "power"), "limits on power and heat cost "+first.Name+" 10 % of its tokens"; !strings.HasSuffix(got, want) {
		t.Errorf("title %q, want %q", got, want)
	}
	first.CappedTokens.Mean = 5e9
	if got := titled(t, plots.ForSet(s), "power"); !strings.HasSuffix(got, "costs no job 0.1 % of its tokens") {
		t.Errorf("title %q of 0.06 %%", got)
	}
}
