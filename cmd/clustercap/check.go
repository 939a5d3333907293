package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim/scenario"
)

func newCheckCommand(p *program) *cobra.Command {
	var o overrides
	cmd := &cobra.Command{
		Use:   "check SCENARIO...",
		Short: "List every problem of scenario files, without running them",
		Long: `Reads scenario files, resolves all their plans, and lists every problem as
file:line:col: path: what is wrong; what would be right. Exits with 2 if there is
any; a good file is answered with its jobs and plans.`,
		Example: "  clustercap check scenarios/*.yaml",
		Args:    arguments(1, -1, "at least one scenario file"),
	}
	o.addSet(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var good strings.Builder
		var bad []error
		for _, file := range args {
			line, err := o.checkFile(file)
			if err != nil {
				bad = append(bad, err)
				continue
			}
			good.WriteString(line)
		}
		if err := p.printed(good.String()); err != nil {
			return err
		}
		return combined(bad)
	}
	return cmd
}

// checkFile resolves every plan of one file and describes them in a line.
func (o *overrides) checkFile(file string) (string, error) {
	s, err := o.load(file)
	if err != nil {
		return "", err
	}
	plans, err := allPlans(s)
	if err != nil {
		return "", err
	}
	own, err := s.Plan("")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: ok: %s, %s (%s)\n", file, counted(len(own.Jobs), "job"),
		counted(len(plans), "plan"), strings.Join(plans, ", ")), nil
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
