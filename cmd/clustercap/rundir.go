package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a run directory, and those of a comparison.
const (
	planFile       = "plan.yaml"
	resultFile     = "result.json"
	timelineFile   = "timeline.csv"
	jobsFile       = "jobs.csv"
	timelineTable  = "timeline.parquet"
	jobsTable      = "jobs.parquet"
	chartsFolder   = "charts"
	comparisonFile = "comparison.json"
	comparisonCSV  = "comparison.csv"
	plansFolder    = "plans"
)

var (
	runFiles        = []string{planFile, resultFile, timelineFile, jobsFile, chartsFolder, timelineTable, jobsTable}
	comparisonFiles = []string{comparisonFile, comparisonCSV, plansFolder, chartsFolder}
)

// outputDir is a directory that appears whole or not at all: files go into a
// hidden directory beside it, which takes its name at the end.
type outputDir struct {
	target   string   // absolute
	owned    []string // what an earlier run may have left there; all else is the reader's
	building string
	// stranded is set where an earlier run could be neither replaced nor put back.
	stranded bool
}

// newOutputDir checks, before any work is done, that target can be written: it
// does not exist, is empty, or holds nothing but an earlier run's files.
func newOutputDir(target string, owned []string) (*outputDir, error) {
	if target == "" {
		return nil, badUsage("name a directory, such as --out runs/mine", "--out is empty")
	}
	abs, err := filepath.Abs(target)
	if err != nil {
		return nil, cannot(err, "", "%s: %v", target, plainPathError(err))
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	if err := replaceable(abs, target, owned); err != nil {
		return nil, err
	}
	if err := writable(filepath.Dir(abs)); err != nil {
		return nil, cannot(err, "--out DIR writes somewhere else", "%s cannot be written: %v", target, plainPathError(err))
	}
	return &outputDir{target: abs, owned: owned}, nil
}

// replaceable refuses a target that holds anything but an earlier run.
func replaceable(abs, shown string, owned []string) error {
	entries, err := os.ReadDir(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cannot(err, "--out DIR writes somewhere else", "%s cannot be written: %v", shown, plainPathError(err))
	}
	for _, e := range entries {
		if !slices.Contains(owned, e.Name()) {
			return badUsage("name an empty or new directory with --out", "%s holds %s, which clustercap did not write", shown, e.Name())
		}
	}
	return nil
}

// writable makes and removes a directory in dir's nearest existing ancestor.
func writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return err
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.MkdirTemp(dir, ".clustercap-*")
	if err != nil {
		return err
	}
	return os.Remove(probe)
}

// write fills the directory through fill, which gets a function that creates one
// file of it, then puts it in place. On any error nothing is left behind and an
// earlier run at the target stays as it was.
func (d *outputDir) write(fill func(create createFunc) error) (err error) {
	parent, shown := filepath.Dir(d.target), filepath.Base(d.target)
	defer func() {
		var c *complaint
		if err != nil && !errors.As(err, &c) {
			err = cannot(err, "", "%s could not be written: %v", shown, plainPathError(err))
		}
	}()
	made, err := makeParents(parent)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	work, err := os.MkdirTemp(parent, "."+shown+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if !d.stranded {
			os.RemoveAll(work)
		}
	}()
	// MkdirTemp makes a private directory; results are as open as any new folder.
	d.building = filepath.Join(work, "new")
	if err = os.Mkdir(d.building, 0o777); err != nil {
		return err
	}
	if err = fill(d.create); err != nil {
		return err
	}
	return d.place(filepath.Join(work, "old"))
}

// createFunc writes one file, named relative to the directory, through encode.
type createFunc func(name string, encode func(io.Writer) error) error

func (d *outputDir) create(name string, encode func(io.Writer) error) error {
	path := filepath.Join(d.building, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return writeFile(path, encode)
}

// writeFile creates path and reports the first error of encoding, writing and closing.
func writeFile(path string, encode func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(encode(f), f.Close())
}

// place gives the finished directory its name. An earlier run moves to aside first
// and comes back should the rename fail.
func (d *outputDir) place(aside string) error {
	if _, err := os.Lstat(d.target); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(d.building, d.target)
	}
	// Looked at again: the run took time, and others may have written here.
	if err := replaceable(d.target, d.target, d.owned); err != nil {
		return err
	}
	if err := os.Rename(d.target, aside); err != nil {
		return err
	}
	err := os.Rename(d.building, d.target)
	if err == nil {
		return nil
	}
	if back := os.Rename(aside, d.target); back != nil {
		d.stranded = true
		return cannot(err, "the earlier run is in "+aside, "%s could not be written: %v", d.target, plainPathError(err))
	}
	return err
}

// makeParents is MkdirAll that returns the directories it made, deepest first.
func makeParents(dir string) ([]string, error) {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		missing = append(missing, at)
	}
	return missing, os.MkdirAll(dir, 0o777)
}

// removeEmpty takes back what makeParents made, as far as it is still empty.
func removeEmpty(dirs []string) {
	for _, dir := range dirs {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// fileName makes a name from a scenario fit for one path element.
func fileName(name string) string {
	mapped := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, name)
	if mapped == "" || strings.Trim(mapped, ".") == "" {
		return "unnamed"
	}
	return mapped
}
