package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim"
	"clustercap/sim/scenario"
)

func newCheckCommand(p *program) *cobra.Command {
	var o overrides
	cmd := &cobra.Command{
		Use:   "check SCENARIO...",
		Short: "List every problem of scenario files, without running them",
		Long: `Reads scenario files, resolves all their plans, and lists every problem as
file:line:col: path: what is wrong; what would be right. Exits with 2 if there is
any. A plan without problems may still have a job that fits on no fleet or in no
memory: that is said too, with exit code 1. A good file is answered with its jobs and
plans.`,
		Example: "  clustercap check scenarios/*.yaml",
		Args:    arguments(1, -1, "at least one scenario file"),
	}
	o.addSet(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var good strings.Builder
		var bad []error
		infeasible := 0
		for _, file := range args {
			line, plans, err := o.checkFile(cmd.Context(), file)
			if err != nil {
				bad = append(bad, err)
			}
			good.WriteString(line)
			infeasible += len(plans)
			for _, text := range plans {
				fmt.Fprintf(p.stderr, "%s: %s\n", file, text)
			}
		}
		if err := p.printed(good.String()); err != nil {
			return err
		}
		if len(bad) == 0 && infeasible > 0 {
			return &complaint{code: exitFailed, what: counted(infeasible, "plan") + " can't run"}
		}
		return combined(bad)
	}
	return cmd
}

// checkFile resolves every plan of one file and describes them in a line, or says which
// can't run.
func (o *overrides) checkFile(ctx context.Context, file string) (line string, infeasible []string, err error) {
	s, err := o.load(file)
	if err != nil {
		return "", nil, err
	}
	plans, err := allPlans(s)
	if err != nil {
		return "", nil, err
	}
	jobs := 0
	for _, name := range plans {
		plan, err := s.Plan(name)
		if err != nil {
			return "", nil, err
		}
		if name == plans[0] {
			jobs = len(plan.Jobs)
		}
		var problem *sim.InfeasibleError
		if _, err := prepare(ctx, plan); errors.As(err, &problem) {
			infeasible = append(infeasible, problem.Error())
		} else if err != nil {
			return "", nil, err
		}
	}
	if len(infeasible) > 0 {
		return "", infeasible, nil
	}
	return fmt.Sprintf("%s: ok: %s, %s (%s)\n", file, counted(jobs, "job"),
		counted(len(plans), "plan"), strings.Join(plans, ", ")), nil, nil
}

// combined merges the problems of several files, so that all are listed and then
// counted once.
func combined(errs []error) error {
	var all scenario.Problems
	for _, err := range errs {
		var problems *scenario.Problems
		if !errors.As(err, &problems) {
			return err
		}
		all.List = append(all.List, problems.List...)
		all.More += problems.More
	}
	if len(errs) == 0 {
		return nil
	}
	return &checkedProblems{&all}
}

// checkedProblems are the problems that check was asked for.
type checkedProblems struct{ *scenario.Problems }
