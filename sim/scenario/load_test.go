package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clustercap/sim/dist"
	"clustercap/sim/fleet"
	"clustercap/sim/power"
	"clustercap/sim/unit"

	"github.com/google/go-cmp/cmp"
)

// mustPlan loads a file and returns one plan.
func mustPlan(t *testing.T, file, name string, opts Options) *Plan {
	t.Helper()
	s, err := Load(file, opts)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func value(t *testing.T, p *Plan, path string) Value {
	t.Helper()
	for _, v := range p.Values {
		if v.Path == path {
			return v
		}
	}
	t.Fatalf("plan %s has no value %s", p.Name, path)
	return Value{}
}

func TestResolveShaoguan(t *testing.T) {
	s, err := Load("testdata/shaoguan.yaml", testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.PlanNames(), []string{"hold-10k", "grow-30k", "grow-100k"}; !slices.Equal(got, want) {
		t.Errorf("plans %v, want %v", got, want)
	}
	p, err := s.Plan("")
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != BasePlan || p.Scenario != "shaoguan" || p.Replicas != 32 || p.Seed != 1 || p.Horizon != 730*unit.Day {
		t.Errorf("plan %q of %q, %d replicas, seed %d, horizon %v", p.Name, p.Scenario, p.Replicas, p.Seed, p.Horizon)
	}
	if want := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC); !p.Start.Equal(want) {
		t.Errorf("start %v, want %v", p.Start, want)
	}
	// 2026-05-01 to 2026-09-01 is 123 days; 15 lots of 6,000 chips reach 100,000.
	if n := len(p.Fleet.Deliveries); n != 16 {
		t.Fatalf("%d deliveries, want 16", n)
	}
	if got, want := p.Fleet.Deliveries[0], (fleet.Delivery{At: 0, Servers: 625}); got != want {
		t.Errorf("first delivery %v, want %v", got, want)
	}
	if got, want := p.Fleet.Deliveries[15], (fleet.Delivery{At: (123 + 14*30) * unit.Day, Servers: 375}); got != want {
		t.Errorf("last delivery %v, want %v", got, want)
	}
	if got, want := p.Site.Phases, []power.Phase{{From: 0, Limit: 12e6}, {From: 123 * unit.Day, Limit: 45e6}, {From: 365 * unit.Day, Limit: 90e6}}; !cmp.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
	j := p.Jobs[0]
	if j.Name != "dense-400b" || p.Jobs[1].Name != "moe-235b" || j.Submit != 14*unit.Day || j.Layout != nil {
		t.Errorf("jobs %s, %s; submit %v, layout %v", j.Name, p.Jobs[1].Name, j.Submit, j.Layout)
	}
	if want := (dist.Duration{Mean: 600, Median: 480}); j.Restart != want {
		t.Errorf("restart %v, want %v", j.Restart, want)
	}
	// Asynchronous: 5 s of copying as written, then the whole state at 200 GB/s.
	wantWrite := unit.Duration(j.Model.Params() * 14 / 200e9)
	if c := j.Checkpoint; c.Interval != 0 || c.Blocking != 5 || c.Background != wantWrite {
		t.Errorf("checkpoint %+v, want interval 0, blocking 5, background %v", c, wantWrite)
	}
}

func TestOverlays(t *testing.T) {
	held := mustPlan(t, "testdata/shaoguan.yaml", "hold-10k", testOptions())
	if len(held.Fleet.Deliveries) != 1 || held.Title != "stay at 10,000 chips" || held.Name != "hold-10k" {
		t.Errorf("%q %q has deliveries %v; a list replaces", held.Name, held.Title, held.Fleet.Deliveries)
	}
	if held.Fleet.Spares != 0.02 {
		t.Errorf("spares %v, want the scenario's 2 %%", held.Fleet.Spares)
	}
	grown := mustPlan(t, "testdata/shaoguan.yaml", "grow-30k", testOptions())
	total := 0
	for _, d := range grown.Fleet.Deliveries {
		total += d.Servers * 16
	}
	// 10,000 + 3 x 6,000 leaves 2,000 for the last lot.
	if last := grown.Fleet.Deliveries[4]; total != 30000 || last.Servers != 2000/16 {
		t.Errorf("%d chips, last lot of %d servers; want 30000 and 125", total, last.Servers)
	}
	v := value(t, held, "fleet.deliveries[0].chips")
	if v.Text != "10000" || v.Origin.Kind != FromFile || v.Origin.Line == 0 {
		t.Errorf("value %+v; want 10000 with its line in the overlay", v)
	}
	base := mustPlan(t, "testdata/shaoguan.yaml", "", testOptions())
	if line := value(t, base, "fleet.deliveries[0].chips").Origin.Line; line >= v.Origin.Line {
		t.Errorf("the overlay's line %d does not come after the scenario's %d", v.Origin.Line, line)
	}
}

func TestUnknownPlanNamesTheNearest(t *testing.T) {
	s, err := Load("testdata/shaoguan.yaml", testOptions())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Plan("grow-300k")
	var problems *Problems
	if !errors.As(err, &problems) || problems.Error() != `testdata/shaoguan.yaml: plans: there is no plan "grow-300k"; did you mean "grow-30k"?` {
		t.Errorf("got %v", err)
	}
}

func TestSet(t *testing.T) {
	for _, test := range []struct {
		set        string
		path, text string
		kind       OriginKind
	}{
		{"fleet.spares=5 %", "fleet.spares", "5 %", FromSet},
		{"replicas=3", "replicas", "3", FromSet},
		{"fleet.commissioning.time=1 d", "fleet.commissioning.time", "1 d", FromSet}, // makes the mapping
		{"fleet.chip=h800", "fleet.chip", "h800", FromSet},
		{"fleet.chip.bf16=200 TFLOP/s", "fleet.chip.bf16", "200 TFLOP/s", FromSet}, // keeps the rest of the entry
		{"fleet.chip.bf16=200 TFLOP/s", "fleet.chip.hbm", "96 GB", FromCatalog},
		{"fleet.deliveries[0].chips=3200", "fleet.deliveries[0].chips", "3200", FromSet},
		{"fleet.deliveries[1]={date: 2026-06-01, chips: 16}", "fleet.deliveries[1].chips", "16", FromSet},
		{"jobs.small.chips=[16, 32]", "jobs.small.chips", "[16, 32]", FromSet},
		{"jobs.small.layout=tp=8,pp=16", "jobs.small.layout.dp", "8", Computed},
		{"failures.scale=0..1..2", "failures.scale", "0..2", FromSet},
		{"failures={classes: []}", "failures.classes", "none", FromSet},
		{"restart.median=4 min", "restart.median", "4 min", FromSet}, // 10 min becomes the mean
		{"restart.median=4 min", "restart.mean", "10 min", FromFile},
		{"site.pue={value: 1.3, source: me}", "site.pue", "1.3", FromSet},
		{"checkpoint.storage_bandwidth=null", "jobs.small.checkpoint.blocking", "1 s", Computed},
	} {
		opts := testOptions(test.set)
		if strings.HasPrefix(test.set, "checkpoint") {
			opts.Set = append(opts.Set, "checkpoint.blocking=1 s", "checkpoint.background=0 s")
		}
		if strings.HasPrefix(test.set, "fleet.chip=") {
			opts.Set = append(opts.Set, "fleet.fabric=fat-tree")
		}
		t.Run(test.set, func(t *testing.T) {
			v := value(t, mustPlan(t, "testdata/minimal.yaml", "", opts), test.path)
			if v.Text != test.text || v.Origin.Kind != test.kind {
				t.Errorf("%s is %q from %s, want %q from %s", test.path, v.Text, v.Origin.Kind, test.text, test.kind)
			}
		})
	}
}

func TestSetOverridesPlans(t *testing.T) {
	opts := testOptions("fleet.spares=7 %", "plans.hold-10k.seed=9", "plans.new={replicas: 2}")
	s, err := Load("testdata/shaoguan.yaml", opts)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.PlanNames(), []string{"hold-10k", "grow-30k", "grow-100k", "new"}; !slices.Equal(got, want) {
		t.Errorf("plans %v, want %v", got, want)
	}
	for _, name := range append(s.PlanNames(), "") {
		p, err := s.Plan(name)
		if err != nil {
			t.Fatal(err)
		}
		seed := uint64(1)
		if name == "hold-10k" {
			seed = 9
		}
		if p.Fleet.Spares != 0.07 || p.Seed != seed {
			t.Errorf("plan %q: spares %v, seed %d; want 7 %% and %d", name, p.Fleet.Spares, p.Seed, seed)
		}
	}
}

// write makes files below a temporary folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBase(t *testing.T) {
	minimal, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{
		"common/root.yaml": string(minimal) + "plans: {more: {fleet: {spares: 3 %}}, less: {}}\n",
		"common/mid.yaml":  "base: root.yaml\nhorizon: 50 d\nfleet: {spares: 1 %}\n",
		"top.yaml":         "base: common/mid.yaml\nname: top\nhorizon: 60 d\njobs: {small: {priority: 5}}\nplans: {less: null, other: {seed: 2}}\n",
	})
	s, err := Load(filepath.Join(dir, "top.yaml"), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.PlanNames(), []string{"more", "other"}; !slices.Equal(got, want) {
		t.Errorf("plans %v, want %v", got, want)
	}
	p, err := s.Plan("")
	if err != nil {
		t.Fatal(err)
	}
	if p.Scenario != "top" || p.Horizon != 60*unit.Day || p.Fleet.Spares != 0.01 || p.Jobs[0].Priority != 5 || p.Jobs[0].Workload.Sequence != 8192 {
		t.Errorf("resolved to %q, %v, %v, priority %d, sequence %d", p.Scenario, p.Horizon, p.Fleet.Spares, p.Jobs[0].Priority, p.Jobs[0].Workload.Sequence)
	}
	for path, file := range map[string]string{"horizon": "top.yaml", "fleet.spares": "mid.yaml", "start": "root.yaml"} {
		if v := value(t, p, path); filepath.Base(v.Origin.File) != file {
			t.Errorf("%s comes from %s, want %s", path, v.Origin.File, file)
		}
	}
}

func TestBaseThroughSymlinkStaysInside(t *testing.T) {
	minimal, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{"outside.yaml": string(minimal), "in/top.yaml": "base: link.yaml\nname: top\n"})
	if err := os.Symlink(filepath.Join(dir, "outside.yaml"), filepath.Join(dir, "in", "link.yaml")); err != nil {
		t.Skip("this system has no symlinks:", err)
	}
	_, err = Load(filepath.Join(dir, "in", "top.yaml"), testOptions())
	if err == nil || !strings.Contains(err.Error(), "leaves the folder") {
		t.Errorf("got %v", err)
	}
}

func TestUnreadableFiles(t *testing.T) {
	dir := write(t, map[string]string{"shaoguan.yaml": "name: x\n", "notes.txt": ""})
	big := filepath.Join(dir, "big.yaml")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(100<<20), f.Close()); err != nil { // a hole: takes no space
		t.Fatal(err)
	}
	for _, test := range []struct{ file, want string }{
		{"shaogaun.yaml", "no such file; did you mean " + filepath.Join(dir, "shaoguan.yaml") + "?"},
		{"nowhere/at/all.yaml", "no such file; there is no folder " + filepath.Join(dir, "nowhere/at") + " either"},
		{"", "is a folder, not a scenario file; one of big.yaml, shaoguan.yaml"},
		{"big.yaml", "is 104,857,600 bytes long; at most 1,048,576 (1 MiB) are read; is it the right file?"},
	} {
		file := filepath.Join(dir, test.file)
		_, err := Load(file, testOptions())
		if want := file + ": " + test.want; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", test.file, err, want)
		}
	}
}

// A catalog value comes with its entry, its line and its citation.
func TestValuesCarryTheirSource(t *testing.T) {
	p := mustPlan(t, "testdata/minimal.yaml", "", testOptions())
	for _, test := range []struct{ path, text, origin, source string }{
		{"fleet.chip", "zhenwu-810e", "testdata/minimal.yaml:6:9", ""},
		{"fleet.chip.bf16", "118.7 TFLOP/s", "catalog chips.yaml:7 zhenwu-810e", "1,945 PFLOP/s over 16,384 cards [derived]"},
		{"fleet.chip.hbm", "96 GB", "catalog chips.yaml:8 zhenwu-810e", "data sheet [read]"},
		{"fleet.server", "zhenwu-16", "default", "the chip's usual server"},
		{"fleet.server.chips", "16", "catalog servers.yaml:4 zhenwu-16", "measured"},
		{"replicas", "32", "default", ""},
		{"site.power", "none", "computed", "no limit on power is given"},
	} {
		v := value(t, p, test.path)
		if v.Text != test.text || v.Origin.String() != test.origin || v.Source != test.source {
			t.Errorf("%s: %q, %q, %q; want %q, %q, %q", test.path, v.Text, v.Origin, v.Source, test.text, test.origin, test.source)
		}
	}
}

// Spans of hours may end at midnight or wrap around it, written either way.
func TestHours(t *testing.T) {
	for written, want := range map[string]string{
		"18-0": "18-24", "18-24": "18-24", "0-6": "0-6", "24-6": "0-6", "22-6": "[0-6, 22-24]", "23": "23-24", "0-24": "0-24", "[18-0, 0-6]": "[0-6, 18-24]",
	} {
		opts := testOptions("site.tariff={periods: [{hours: "+written+", factor: 2}]}", "site.carbon={intensity: 0.4 kgCO2/kWh, periods: [{hours: "+written+", factor: 2}]}")
		p := mustPlan(t, "testdata/minimal.yaml", "", opts)
		for _, path := range []string{"site.tariff.periods[0].hours", "site.carbon.periods[0].hours"} {
			if got := value(t, p, path).Text; got != want {
				t.Errorf("%s of %s: %s, want %s", path, written, got, want)
			}
		}
	}
}

func TestCheckpointTimes(t *testing.T) {
	write := func(p *Plan, gbps float64) unit.Duration {
		return unit.Duration(p.Jobs[0].Model.Params() * 14 / (gbps * 1e9))
	}
	for _, test := range []struct {
		set                  string
		blocking, background func(p *Plan) unit.Duration
	}{
		{"{storage_bandwidth: 100 GB/s}", func(*Plan) unit.Duration { return 5 }, func(p *Plan) unit.Duration { return write(p, 100) }},
		{"{storage_bandwidth: 100 GB/s, mode: sync}", func(p *Plan) unit.Duration { return write(p, 100) }, func(*Plan) unit.Duration { return 0 }},
		{"{blocking: 7 s, background: 1 min}", func(*Plan) unit.Duration { return 7 }, func(*Plan) unit.Duration { return 60 }},
		{"{blocking: 7 s, mode: sync}", func(*Plan) unit.Duration { return 7 }, func(*Plan) unit.Duration { return 0 }},
	} {
		p := mustPlan(t, "testdata/minimal.yaml", "", testOptions("checkpoint="+test.set))
		c := p.Jobs[0].Checkpoint
		// Multiplication in another order may round differently in the last place.
		if near := cmp.Equal(c.Background, test.background(p), relative(1e-12)) && cmp.Equal(c.Blocking, test.blocking(p), relative(1e-12)); !near {
			t.Errorf("%s: %+v, want blocking %v, background %v", test.set, c, test.blocking(p), test.background(p))
		}
	}
}

func relative(tolerance float64) cmp.Option {
	return cmp.Comparer(func(a, b unit.Duration) bool {
		return a == b || float64(max(a, b)-min(a, b)) <= tolerance*float64(max(a, b))
	})
}

// What a job writes under checkpoint changes only those keys of the scenario's.
func TestJobCheckpointInherits(t *testing.T) {
	p := mustPlan(t, "testdata/everything.yaml", "", testOptions())
	fixed, grown := p.Jobs[0].Checkpoint, p.Jobs[1].Checkpoint
	if fixed.Interval != 0 || fixed.Blocking != 3 {
		t.Errorf("fixed: %+v, want interval auto and blocking 3 s", fixed)
	}
	if grown.Interval != 30*unit.Minute || grown.Background != 0 {
		t.Errorf("grown: %+v, want the scenario's 30 min, sync", grown)
	}
}

func TestEventsAfterTheHorizonAreDropped(t *testing.T) {
	p := mustPlan(t, "testdata/minimal.yaml", "", testOptions(
		"fleet.deliveries[1]={date: 2027-01-01, chips: 16}",
		"fleet.deliveries[2]={from: 2026-05-31, every: 60 d, chips: 16}",
		"site={like: shaoguan, power: [{limit: 5 MW}, {from: 2027-01-01, limit: 9 MW}]}"))
	// The ramp's lots are due on days 30, 90 and 150 of 100.
	want := []fleet.Delivery{{At: 0, Servers: 100}, {At: 30 * unit.Day, Servers: 1}, {At: 90 * unit.Day, Servers: 1}}
	if !cmp.Equal(p.Fleet.Deliveries, want) {
		t.Errorf("deliveries %v, want %v", p.Fleet.Deliveries, want)
	}
	if len(p.Site.Phases) != 1 {
		t.Errorf("phases %v, want the first only", p.Site.Phases)
	}
	for _, path := range []string{"fleet.deliveries[1]", "site.power[1]"} {
		if v := value(t, p, path); v.Text != "dropped" {
			t.Errorf("%s says %q, want dropped", path, v.Text)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, text := range []string{"", ".", "a..b", "[0]", "a[", "a[]", "a[-1]", "a[x]", "a[0]b", "a[0"} {
		if steps, err := parsePath(text); err == nil {
			t.Errorf("parsePath(%q) = %v", text, steps)
		}
	}
	steps, err := parsePath("a.b[2][0].c")
	if got := fmt.Sprint(steps, err); got != "[{a 0} {b 0} { 2} { 0} {c 0}] <nil>" {
		t.Errorf("got %s", got)
	}
}

// A flag is named in problems and origins as it was typed.
func TestFlags(t *testing.T) {
	opts := testOptions("replicas=5")
	opts.Flags = []Flag{{"--replicas", "replicas", "7"}, {"--seed", "seed", "9"}}
	p := mustPlan(t, "testdata/minimal.yaml", "", opts)
	if p.Replicas != 7 || p.Seed != 9 {
		t.Errorf("%d replicas, seed %d; want 7 and 9", p.Replicas, p.Seed)
	}
	if at := value(t, p, "replicas").Origin; at.Kind != FromFlag || at.String() != "--replicas 7" {
		t.Errorf("replicas come from %s %q", at.Kind, at)
	}
	opts.Flags = []Flag{{"--replicas", "replicas", "0"}}
	_, err := Load("testdata/minimal.yaml", opts)
	if want := "--replicas 0: replicas: 0 is below 1; write 1 to 10000"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// An override that repeats what is written leaves the value its origin, in the
// scenario and in a plan, so that what is written about the plan stays the same.
func TestRepeatingOverrideChangesNothing(t *testing.T) {
	as := func(plan string, opts Options) string {
		var text strings.Builder
		if err := WritePlan(&text, mustPlan(t, "testdata/shaoguan.yaml", plan, opts)); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	repeating := testOptions("horizon=730 d", "fleet.deliveries[0].chips=10000")
	repeating.Flags = []Flag{{"--replicas", "replicas", "32"}, {"--seed", "seed", "1"}}
	for _, plan := range []string{"", "hold-10k"} {
		if diff := cmp.Diff(as(plan, testOptions()), as(plan, repeating)); diff != "" {
			t.Errorf("plan %q (-without +with):\n%s", plan, diff)
		}
	}
	// What the scenario says is not what each of its plans says.
	held := mustPlan(t, "testdata/shaoguan.yaml", "hold-10k", testOptions("title=Shaoguan, 10,000 to 100,000 Zhenwu chips"))
	if own := mustPlan(t, "testdata/shaoguan.yaml", "", testOptions()).Title; held.Title == "stay at 10,000 chips" || own == "" {
		t.Errorf("the override of the scenario's title %q leaves the plan's %q", own, held.Title)
	}
}

// Loading parses the scenario, not the whole built-in catalog, which takes 113,000
// allocations more.
func TestCatalogIsParsedOnce(t *testing.T) {
	if _, err := builtInCatalog(); err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(3, func() {
		if _, err := Load("../../scenarios/gpt3-1024-a100.yaml", Options{}); err != nil {
			t.Fatal(err)
		}
	})
	// The scenario takes 201,000, most of them to write its values exactly; the rest is
	// room for it to grow, short of the 314,000 with the catalog.
	if most := 260_000.0; allocations > most {
		t.Errorf("%.0f allocations, at most %.0f", allocations, most)
	}
}

// A null on the command line removes what the profile brings, as one in a file does.
func TestSetNullRemovesWhatAProfileBrings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "profile.yaml")
	text := `name: profile
start: 2026-01-01
horizon: 60 d
site: us-virginia
fleet:
  chip: h100-sxm
  deliveries: [{date: 2026-01-01, chips: 1280}]
failures: new-silicon
checkpoint: {interval: 30 min, blocking: 1 s, background: 0 s}
restart: 1 s
jobs:
  job: {model: llama3-8b, work: 100 d, sequence: 2048, global_batch: 1024, chips: 1024}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, set := range [][]string{nil, {"failures.lemons=null"}} {
		s, err := Load(file, Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Plan(BasePlan)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Failures.Lemons.Share.High; (got == 0) != (set != nil) || len(p.Failures.Classes) == 0 {
			t.Errorf("--set %v: a share of lemons of %g, %d classes", set, float64(got), len(p.Failures.Classes))
		}
	}
}

// A null removes what the scenario itself adds to a catalog's entry, in a plan as on the
// command line; one for a key that neither has is a mistake.
func TestNullRemovesWhatAScenarioAddsToAnEntry(t *testing.T) {
	file := filepath.Join(t.TempDir(), "battery.yaml")
	text := `name: battery
start: 2026-01-01
horizon: 60 d
site: {like: us-virginia, battery: {energy: 10 MWh, power: 5 MW}}
fleet:
  chip: h100-sxm
  deliveries: [{date: 2026-01-01, chips: 1280}]
failures: llama3
checkpoint: {interval: 30 min, blocking: 1 s, background: 0 s}
restart: 1 s
jobs:
  job: {model: llama3-8b, work: 100 d, sequence: 2048, global_batch: 1024, chips: 1024}
plans:
  without: {site: {battery: null}}
`
	for _, c := range []struct {
		text, plan, problem string
		set                 []string
		battery             bool
	}{
		{text: text, plan: BasePlan, battery: true},
		{text: text, plan: "without"},
		{text: text, plan: BasePlan, set: []string{"site.battery=null"}},
		{text: strings.Replace(text, "battery: null", "smoothing: null", 1), plan: "without", problem: "null removes a key, but the scenario has none of this name"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load(file, Options{Set: c.set})
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%v, want a problem with %q", err, c.problem)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Plan(c.plan)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Site.Supply.Battery.Any(); got != c.battery {
			t.Errorf("plan %s, --set %v: battery %t", c.plan, c.set, got)
		}
	}
}
