package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"clustercap/plots"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

func newRunCommand(p *program) *cobra.Command {
	var (
		o        overrides
		planName string
		out      string
		noCharts bool
		tables   bool
	)
	cmd := &cobra.Command{
		Use:   "run SCENARIO [--plan NAME] [--replicas N] [--out DIR]",
		Short: "Simulate one plan of a scenario, over all its replicas",
		Long: `Simulates one plan of a scenario file: the scenario's own, or the one named with
--plan. Prints when each job finishes, at what power and cost, and where the
chip-hours went, as ranges over the replicas, and writes a run directory:

  plan.yaml      the plan as resolved
  result.json    every number of the summary, per replica too
  timeline.csv   chips, power and throughput over the calendar
  jobs.csv       every job in every replica
  charts/*.png   capacity, throughput, power, chip-hours, cost, scaling, load duration,
                 a step's power, what a cap costs, recovery modes, time to failure, lost time,
                 spares, checkpoint interval

With --parquet the two tables are also there as timeline.parquet and jobs.parquet,
in long form, a row per value.

The directory appears whole or not at all; an earlier run in it is replaced.`,
		Example: `  clustercap run scenarios/shaoguan.yaml
  clustercap run scenarios/shaoguan.yaml --plan grow-30k --set fleet.spares=4%
  clustercap run scenarios/llama3-405b.yaml --replicas 8 --format json`,
		Args: arguments(1, 1, "one scenario file"),
	}
	o.addSet(cmd)
	o.addReplication(cmd)
	cmd.Flags().StringVar(&planName, "plan", "", "run the plan `NAME` instead of the scenario's own")
	cmd.Flags().StringVar(&out, "out", "", "write the run directory `DIR` (default runs/SCENARIO/PLAN)")
	cmd.Flags().BoolVar(&noCharts, "no-charts", false, "write no charts")
	cmd.Flags().BoolVar(&tables, "parquet", false, "write the long tables as Parquet too")
	format := addChoice(cmd, "format", "what to print: a summary, result.json, jobs.csv, or the summary as Markdown",
		formatText, formatJSON, formatCSV, formatMarkdown)
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
		if !cmd.Flags().Changed("out") {
			out = filepath.Join("runs", fileName(plan.Scenario), fileName(plan.Name))
		}
		dir, err := newOutputDir(out, runFiles)
		if err != nil {
			return err
		}
		set, err := p.simulate(cmd.Context(), plan)
		if err != nil {
			return err
		}
		var charts []plots.Chart
		if !noCharts {
			charts = plots.ForSet(set)
		}
		err = dir.write(func(create createFunc) error {
			return writeRun(cmd.Context(), create, "", plan, set, charts, tables)
		})
		if err != nil {
			return err
		}
		return p.printRun(set, format.value, out, charts)
	}
	return cmd
}

// writeRun writes the files of one run under prefix, "" or "plans/NAME/"; with tables
// the long tables as Parquet too.
func writeRun(ctx context.Context, create createFunc, prefix string, plan *scenario.Plan, set *result.Set, charts []plots.Chart, tables bool) error {
	files := []struct {
		name   string
		encode func(io.Writer) error
	}{
		{planFile, func(w io.Writer) error { return scenario.WritePlan(w, plan) }},
		{resultFile, func(w io.Writer) error { return result.EncodeSet(w, set) }},
		{timelineFile, func(w io.Writer) error { return result.WriteTimelineCSV(w, set) }},
		{jobsFile, func(w io.Writer) error { return result.WriteJobsCSV(w, set) }},
		{timelineTable, func(w io.Writer) error { return writeTimelineParquet(w, set) }},
		{jobsTable, func(w io.Writer) error { return writeJobsParquet(w, set) }},
	}
	if !tables {
		files = files[:4]
	}
	for _, f := range files {
		if err := create(prefix+f.name, f.encode); err != nil {
			return err
		}
	}
	return writeCharts(ctx, create, prefix+chartsFolder+"/", charts)
}

// writeCharts draws the charts, stopping between two of them on an interrupt.
func writeCharts(ctx context.Context, create createFunc, prefix string, charts []plots.Chart) error {
	for _, c := range charts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := create(prefix+c.Name+".png", c.WritePNG); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// printRun prints the result of a run; out is where its files are.
func (p *program) printRun(set *result.Set, format, out string, charts []plots.Chart) error {
	var text bytes.Buffer
	var err error
	files := filesLine(out, runFiles[:4], len(charts)) + missingCharts(charts)
	switch format {
	case formatJSON:
		err = result.EncodeSet(&text, set)
	case formatCSV:
		err = result.WriteJobsCSV(&text, set)
	default:
		text.WriteString(summary(set, format, files))
	}
	if err != nil {
		return err
	}
	if format == formatJSON || format == formatCSV {
		say(p.stderr, "wrote %s", files)
	}
	return p.printed(text.String())
}
