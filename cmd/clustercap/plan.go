package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"clustercap/sim"
	"clustercap/sim/replicate"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

// overrides are the flags that change a scenario before it is resolved.
type overrides struct {
	sets     []string
	replicas string
	seed     string
}

func (o *overrides) addSet(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.sets, "set", nil,
		"override one value, `PATH=VALUE`, such as fleet.spares=4% or jobs.dense-400b.global_batch=8192 (repeatable)")
}

func (o *overrides) addReplication(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.replicas, "replicas", "", "simulate `N` replicas instead of the scenario's number")
	cmd.Flags().StringVar(&o.seed, "seed", "", "draw from seed `N` instead of the scenario's")
}

// load reads a scenario file with the overrides applied. --replicas and --seed
// are the scenario's own fields, so that its bounds hold and its plan shows them.
func (o *overrides) load(file string) (*scenario.Scenario, error) {
	opts := scenario.Options{Set: o.sets}
	for _, f := range []struct{ path, value string }{{"replicas", o.replicas}, {"seed", o.seed}} {
		if f.value == "" {
			continue
		}
		if _, err := strconv.ParseUint(f.value, 10, 64); err != nil {
			return nil, badUsage("a number such as --"+f.path+" 32", "--%s %q: not a whole number of 0 or more", f.path, f.value)
		}
		opts.Flags = append(opts.Flags, scenario.Flag{Name: "--" + f.path, Path: f.path, Value: f.value})
	}
	return scenario.Load(file, opts)
}

// allPlans names a scenario's own plan, then its variations.
func allPlans(s *scenario.Scenario) ([]string, error) {
	own, err := s.Plan("")
	if err != nil {
		return nil, err
	}
	return append([]string{own.Name}, s.PlanNames()...), nil
}

// completePlans offers the plans of the scenario named on the command line.
func completePlans(cmd *cobra.Command, flag string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, file := range args {
			s, err := scenario.Load(file, scenario.Options{})
			if err != nil {
				continue
			}
			if all, err := allPlans(s); err == nil {
				names = append(names, all...)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag was not defined before: our bug
	}
}

// simulate runs all replicas of one plan, with a progress bar on a terminal.
func (p *program) simulate(ctx context.Context, plan *scenario.Plan) (*result.Set, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	bar := newProgress(p.stderr, plan.Scenario+" "+plan.Name)
	defer bar.close()
	prepared, err := prepare(ctx, plan)
	if err != nil {
		return nil, err
	}
	set, err := replicate.Run(ctx, prepared, func(done, total int) {
		if p.progressed != nil {
			p.progressed(done)
		}
		bar.report(done, total)
	})
	if err != nil {
		return nil, err
	}
	set.Version = release()
	return set, nil
}

// prepare finds the plan's layouts. A search has no point to stop at, so an
// interrupt leaves it to end with the program.
func prepare(ctx context.Context, plan *scenario.Plan) (*sim.Prepared, error) {
	type outcome struct {
		prepared *sim.Prepared
		err      error
	}
	found := make(chan outcome, 1)
	go func() {
		prepared, err := sim.Prepare(plan)
		found <- outcome{prepared, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-found:
		return o.prepared, o.err
	}
}
