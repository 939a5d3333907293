package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"clustercap/plots"
	"clustercap/sim/compare"
	"clustercap/sim/result"
)

func newPlotCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "plot RUN_DIR",
		Short: "Redraw the charts of a finished run or comparison",
		Long: `Redraws the charts of a run directory from its result.json, or those of a
comparison from its comparison.json, into its charts folder.`,
		Example: "  clustercap plot runs/shaoguan/base",
		Args:    arguments(1, 1, "one run directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			charts, err := chartsOf(args[0])
			if err != nil {
				return err
			}
			return p.redraw(cmd.Context(), args[0], charts)
		},
	}
}

// chartsOf reads a run directory's document and lays out its charts.
func chartsOf(dir string) ([]plots.Chart, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, badUsage("give the directory that run or compare wrote", "%s: %v", dir, plainPathError(err))
	}
	if !info.IsDir() {
		return nil, badUsage("give the directory that run or compare wrote", "%s is not a directory", dir)
	}
	set, err := readDocument(filepath.Join(dir, resultFile), result.DecodeSet)
	if err == nil {
		return plots.ForSet(set), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	comparison, err := readComparison(dir)
	if err == nil {
		return plots.ForComparison(comparison), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, badUsage("give the directory that run or compare wrote", "%s holds neither %s nor %s", dir, resultFile, comparisonFile)
}

// readComparison rebuilds a comparison from the results of its plans, in the order
// of its comparison.json.
func readComparison(dir string) (*compare.Comparison, error) {
	listed, err := readDocument(filepath.Join(dir, comparisonFile), func(r io.Reader) (*compare.Comparison, error) {
		c := new(compare.Comparison)
		return c, json.NewDecoder(r).Decode(c)
	})
	if err != nil {
		return nil, err
	}
	var sets []*result.Set
	for _, plan := range listed.Plans {
		path := filepath.Join(dir, plansFolder, fileName(plan.Name), resultFile)
		set, err := readDocument(path, result.DecodeSet)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, badUsage("run the comparison again", "%s is missing", path)
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return compare.New(sets)
}

// readDocument decodes one file; a damaged file is the reader's to mend.
func readDocument[T any](path string, decode func(io.Reader) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	doc, err := decode(f)
	if err != nil {
		return none, badUsage("", "%s: %v", path, err)
	}
	return doc, nil
}

// redraw replaces the charts folder of a run directory as a whole.
func (p *program) redraw(ctx context.Context, dir string, charts []plots.Chart) error {
	var names, owned []string
	for _, c := range charts {
		names = append(names, c.Name+".png")
	}
	for _, name := range plots.Names() { // an earlier run may have had more
		owned = append(owned, name+".png")
	}
	target := filepath.Join(dir, chartsFolder)
	folder, err := newOutputDir(target, owned)
	if err != nil {
		return err
	}
	err = folder.write(func(create createFunc) error { return writeCharts(ctx, create, "", charts) })
	if err != nil {
		return err
	}
	var text string
	for _, name := range names {
		text += filepath.Join(target, name) + "\n"
	}
	return p.printed(text)
}
