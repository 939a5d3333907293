package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim/scenario"
)

// addCatalog gives a command --catalog and returns what loads the catalog that it names.
func addCatalog(cmd *cobra.Command) func() (*scenario.Catalog, error) {
	var file string
	cmd.Flags().StringVar(&file, "catalog", "", "with what `FILE` changes of the catalog, as calibrate --out writes it")
	return func() (*scenario.Catalog, error) {
		c, err := scenario.LoadCatalog()
		switch {
		case err != nil || !cmd.Flags().Changed("catalog"):
			return c, err
		case file == "":
			return nil, badUsage("name a file, such as --catalog my-chip.yaml", "--catalog is empty")
		}
		return c.Overlay(file)
	}
}

// catalogChange is what files have changed of one entry of the catalog.
type catalogChange struct {
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Values []resolvedValue `json:"values"`
}

func changesOf(c *scenario.Catalog) []catalogChange {
	var out []catalogChange
	for _, e := range c.Changed() {
		out = append(out, catalogChange{e.Kind, e.Name, valuesJSON(e.Values)})
	}
	return out
}

// String is "a100-80 with efficiency.matmul 71 % (fitted.yaml)".
func (c *catalogChange) String() string {
	var values, files []string
	for _, v := range c.Values {
		values = append(values, v.Path+" "+v.Text)
		if !slices.Contains(files, v.File) {
			files = append(files, v.File)
		}
	}
	return fmt.Sprintf("%s with %s (%s)", c.Name, strings.Join(values, ", "), strings.Join(files, ", "))
}

// sayChanges tells beside a result which entries of the catalog it takes from a file.
func (p *program) sayChanges(changes []catalogChange) {
	for i := range changes {
		say(p.stderr, "%s", &changes[i])
	}
}

// changesUsed are those of the entries used, by kind. A file that changes none of them is
// not the one that was meant.
func changesUsed(changes []catalogChange, used map[string]string) ([]catalogChange, error) {
	var names []string
	mine := slices.DeleteFunc(slices.Clone(changes), func(c catalogChange) bool {
		names = append(names, c.Name)
		return used[c.Kind] != c.Name
	})
	if len(mine) == 0 && len(changes) > 0 {
		return nil, badUsage("name a file that changes what is used, or leave --catalog out", "--catalog changes %s, which this step does not use", choices(names))
	}
	return mine, nil
}
