package main

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/plots"
	"clustercap/sim/compare"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

// maxNamed is how many scenarios a comparison's default directory is named after.
const maxNamed = 3

func newCompareCommand(p *program) *cobra.Command {
	var (
		o        overrides
		names    []string
		out      string
		noCharts bool
		tables   bool
	)
	cmd := &cobra.Command{
		Use:   "compare SCENARIO... [--plans A,B,...] [--out DIR]",
		Short: "Simulate plans and put them side by side",
		Long: `Simulates all plans of the scenario files, or those named with --plans, and prints
them side by side: means with their p10 to p90, finish dates as medians, and each
plan's difference to the first. That is the file's own plan where it names it (plan:
NAME); one that it leaves unnamed, base, is simulated where it has fewer than two others
or where --plans asks for it. Plans share their random draws, so that a difference
is the plan's and not chance's; one that may be noise is marked with ~. Writes a
directory:

  comparison.json, comparison.csv   the table
  plans/NAME/                       each plan's run directory
  charts/*.png                      the plans overlaid`,
		Example: `  clustercap compare scenarios/shaoguan.yaml
  clustercap compare scenarios/shaoguan.yaml --plans hold-10k,grow-100k --replicas 8`,
		Args: arguments(1, -1, "at least one scenario file"),
	}
	o.addSet(cmd)
	o.addReplication(cmd)
	cmd.Flags().StringSliceVar(&names, "plans", nil, "compare the plans `A,B,...` only, the first being what the others are held against")
	cmd.Flags().StringVar(&out, "out", "", "write the directory `DIR` (default runs/SCENARIO/compare)")
	cmd.Flags().BoolVar(&noCharts, "no-charts", false, "write no charts")
	cmd.Flags().BoolVar(&tables, "parquet", false, "write the long tables of each plan as Parquet too")
	format := addChoice(cmd, "format", "what to print: a table, comparison.json, comparison.csv, or the table as Markdown",
		formatText, formatJSON, formatCSV, formatMarkdown)
	completePlans(cmd, "plans")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("plans") {
			if err := checkPlanNames(names); err != nil {
				return err
			}
		}
		plans, err := o.plansOf(args, names)
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("out") {
			out = filepath.Join("runs", comparisonName(plans), "compare")
		}
		dir, err := newOutputDir(out, comparisonFiles)
		if err != nil {
			return err
		}
		c, err := p.simulateAll(cmd.Context(), plans)
		if err != nil {
			return err
		}
		charts := 0
		err = dir.write(func(create createFunc) error {
			charts, err = writeComparison(cmd.Context(), create, plans, c, noCharts, tables)
			return err
		})
		if err != nil {
			return err
		}
		return p.printComparison(c, format.value, filesLine(out, comparisonFiles[:3], charts))
	}
	return cmd
}

// checkPlanNames refuses a list of plans that names none, or an empty one, or one
// twice.
func checkPlanNames(names []string) error {
	const hint = "name plans as --plans A,B, or leave the flag out to compare all of them"
	if len(names) == 0 {
		return badUsage(hint, "--plans names no plan")
	}
	for i, name := range names {
		switch {
		case name == "":
			return badUsage(hint, "--plans %q: the name at place %d is empty", strings.Join(names, ","), i+1)
		case slices.Contains(names[:i], name):
			return badUsage("name each plan once", "--plans %q names %s twice", strings.Join(names, ","), name)
		}
	}
	return nil
}

// plansOf resolves the plans to compare: those named, in that order and from every
// file that has them, or all of every file.
func (o *overrides) plansOf(files, names []string) ([]*scenario.Plan, error) {
	var plans []*scenario.Plan
	var known []string
	found := make(map[string]bool)
	for _, file := range files {
		s, err := o.load(file)
		if err != nil {
			return nil, err
		}
		mine, err := allPlans(s)
		if err != nil {
			return nil, err
		}
		known = append(known, mine...)
		wanted := names
		if len(names) == 0 {
			wanted = compared(mine)
		}
		for _, name := range wanted {
			if !slices.Contains(mine, name) {
				continue
			}
			plan, err := s.Plan(name)
			if err != nil {
				return nil, err
			}
			found[name] = true
			plans = append(plans, plan)
		}
	}
	for _, name := range names {
		if !found[name] {
			return nil, badUsage(nearestHint(name, known), "no scenario given has a plan %q", name)
		}
	}
	if len(plans) < 2 {
		return nil, badUsage("name a second scenario, or write plans: into this one", "only one plan, nothing to compare it with")
	}
	return plans, nil
}

// compared are the plans of a scenario, its own first, that a comparison shows unless told
// otherwise: all, but for an own plan without a name beside several others, which is what
// they vary.
func compared(all []string) []string {
	if len(all) > 2 && all[0] == scenario.BasePlan {
		return all[1:]
	}
	return all
}

// comparisonName joins the names of the scenarios compared.
func comparisonName(plans []*scenario.Plan) string {
	var names []string
	for _, p := range plans {
		if name := fileName(p.Scenario); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > maxNamed {
		names = append(names[:maxNamed], "more")
	}
	return strings.Join(names, "+")
}

func (p *program) simulateAll(ctx context.Context, plans []*scenario.Plan) (*compare.Comparison, error) {
	var sets []*result.Set
	for _, plan := range plans {
		set, err := p.simulate(ctx, plan)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return compare.New(sets)
}

// writeComparison writes the files of a comparison and returns how many charts
// overlay its plans.
func writeComparison(ctx context.Context, create createFunc, plans []*scenario.Plan, c *compare.Comparison, noCharts, tables bool) (int, error) {
	if err := create(comparisonFile, c.WriteJSON); err != nil {
		return 0, err
	}
	if err := create(comparisonCSV, c.WriteCSV); err != nil {
		return 0, err
	}
	for i, set := range c.Sets {
		var charts []plots.Chart
		if !noCharts {
			charts = plots.ForSet(set)
		}
		prefix := plansFolder + "/" + fileName(c.Plans[i].Name) + "/"
		if err := writeRun(ctx, create, prefix, plans[i], set, charts, tables); err != nil {
			return 0, err
		}
	}
	if noCharts {
		return 0, nil
	}
	charts := plots.ForComparison(c)
	return len(charts), writeCharts(ctx, create, chartsFolder+"/", charts)
}

func (p *program) printComparison(c *compare.Comparison, format, files string) error {
	var text bytes.Buffer
	var err error
	switch format {
	case formatJSON:
		err = c.WriteJSON(&text)
	case formatCSV:
		err = c.WriteCSV(&text)
	case formatMarkdown:
		err = c.WriteMarkdown(&text)
	default:
		err = c.WriteText(&text)
	}
	if err != nil {
		return err
	}
	if format == formatText {
		text.WriteString("\n" + wrapped("Files: "+files, summaryIndent))
	} else {
		say(p.stderr, "wrote %s", files)
	}
	return p.printed(text.String())
}
