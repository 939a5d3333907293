package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

func newExplainCommand(p *program) *cobra.Command {
	var o overrides
	var planName string
	cmd := &cobra.Command{
		Use:   "explain SCENARIO [--plan NAME]",
		Short: "Show a plan as resolved, every value with where it came from",
		Long: `Resolves a plan and lists every value of it with its origin: the file and line, the
--set flag, the catalog entry with its source, or the default. Then the layouts that
its jobs would use; the time to failure, the goodput and the interval between checkpoints
that formulas expect of each; and which values behind the site's power have no source
that was read. Nothing is simulated.`,
		Example: "  clustercap explain scenarios/shaoguan.yaml --plan grow-30k",
		Args:    arguments(1, 1, "one scenario file"),
	}
	o.addSet(cmd)
	o.addReplication(cmd)
	cmd.Flags().StringVar(&planName, "plan", "", "explain the plan `NAME` instead of the scenario's own")
	format := addChoice(cmd, "format", "how to print", formatText, formatJSON, formatCSV, formatMarkdown)
	completePlans(cmd, "plan")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := o.load(args[0])
		if err != nil {
			return err
		}
		plan, err := s.Plan(planName)
		if err != nil {
			return err
		}
		prepared, err := prepare(cmd.Context(), plan)
		if err != nil {
			return err
		}
		text, err := explanation(plan, prepared, format.value)
		if err != nil {
			return err
		}
		return p.printed(text)
	}
	return cmd
}

// resolvedValue is one value of a plan as JSON.
type resolvedValue struct {
	Path   string `json:"path"`
	Text   string `json:"value"`
	Origin string `json:"origin,omitempty"` // file, catalog, --set, default, computed
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Source string `json:"source,omitempty"`
}

func valuesJSON(values []scenario.Value) []resolvedValue {
	out := make([]resolvedValue, len(values))
	for i, v := range values {
		out[i] = resolvedValue{v.Path, v.Text, string(v.Origin.Kind), v.Origin.File, v.Origin.Line, v.Origin.Col, v.Source}
	}
	return out
}

// chosenLayout is the layout of one job on one chip count.
type chosenLayout struct {
	Job             string  `json:"job"`
	Chips           int     `json:"chips"`
	Used            int     `json:"used"`
	Layout          string  `json:"layout"`
	Given           bool    `json:"given"` // by the scenario, not found
	TokensPerSecond float64 `json:"tokens_per_second"`
	MFU             float64 `json:"mfu"`
	MemoryBytes     float64 `json:"memory_bytes"`
}

func layoutsOf(prepared *sim.Prepared) []chosenLayout {
	var out []chosenLayout
	for i := range prepared.Jobs {
		j := &prepared.Jobs[i]
		for k := range j.Sizes {
			s := &j.Sizes[k]
			out = append(out, chosenLayout{
				Job: j.Spec.Name, Chips: s.Chips, Used: s.Used(), Layout: s.Step.Layout.String(), Given: j.Spec.Layout != nil,
				TokensPerSecond: tokensPerSecond(&s.Step), MFU: float64(s.Step.MFU), MemoryBytes: float64(s.Step.Memory.Total()),
			})
		}
	}
	return out
}

func explanation(plan *scenario.Plan, prepared *sim.Prepared, format string) (string, error) {
	layouts := layoutsOf(prepared)
	if format == formatCSV {
		return valueTable(plan.Values, format), nil
	}
	expected, err := expectationsOf(prepared)
	if err != nil {
		return "", err
	}
	if format == formatJSON {
		weak, _ := weakValues(plan.Values, powerPaths())
		dear, _ := weakValues(plan.Values, moneyPaths())
		return jsonText(struct {
			Scenario string          `json:"scenario"`
			Plan     string          `json:"plan"`
			Title    string          `json:"title"`
			Values   []resolvedValue `json:"values"`
			Layouts  []chosenLayout  `json:"layouts"`
			Expected []expectation   `json:"expectations"`
			Weak     []string        `json:"weak_power_sources"` // paths
			Dear     []string        `json:"weak_money_sources"`
			Warnings []string        `json:"warnings"`
		}{plan.Scenario, plan.Name, plan.Title, valuesJSON(plan.Values), layouts, expected, append([]string{}, weak...), append([]string{}, dear...), append([]string{}, prepared.Warnings...)})
	}
	var b strings.Builder
	heading(&b, format, "%s: plan %s", plan.Title, plan.Name)
	b.WriteString("\n" + valueTable(plan.Values, format) + "\n")
	g := &grid{head: []string{"job", "chips", "used", "layout", "speed", "MFU", "memory"}, left: []int{3}}
	for _, l := range layouts {
		g.add(l.Job, grouped(float64(l.Chips)), grouped(float64(l.Used)), l.Layout,
			quantity("tokens/s", l.TokensPerSecond), percent(l.MFU), gibibytes(unit.Bytes(l.MemoryBytes)))
	}
	b.WriteString(g.render(format))
	b.WriteString("\n" + expectations(expected).render(format))
	bullet(&b, format, expectationsNote(prepared, expected))
	for _, line := range weakLines(plan.Values) {
		if line != "" {
			bullet(&b, format, line)
		}
	}
	for _, w := range prepared.Warnings {
		bullet(&b, format, "Beware: "+w)
	}
	return b.String(), nil
}
