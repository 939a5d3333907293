package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim/scenario"
)

func newCatalogCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog [KIND [NAME]]",
		Short: "Show the built-in chips, servers, fabrics, models and sites",
		Long: `Lists the built-in catalog, the entries of one kind, or all values of one entry with
the source of each. A value that nobody publishes is a range. With --catalog the values
that a file changes show where they were written.`,
		Example: `  clustercap catalog
  clustercap catalog chips
  clustercap catalog chips zhenwu-810e`,
		Args: arguments(0, 2, "a kind and a name at most"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			c, err := scenario.LoadCatalog()
			switch {
			case err != nil || len(args) > 1:
				return nil, cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1:
				return c.Names(args[0]), cobra.ShellCompDirectiveNoFileComp
			}
			return c.Kinds(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	loadCatalog := addCatalog(cmd)
	format := addChoice(cmd, "format", "how to print", formatText, formatJSON, formatCSV, formatMarkdown)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		c, err := loadCatalog()
		if err != nil {
			return err
		}
		text, err := catalogText(c, args, format.value)
		if err != nil {
			return err
		}
		return p.printed(text)
	}
	return cmd
}

func catalogText(c *scenario.Catalog, args []string, format string) (string, error) {
	if len(args) > 0 {
		kind, err := catalogKind(c, args[0])
		if err != nil {
			return "", err
		}
		args[0] = kind
	}
	switch len(args) {
	case 0:
		return listKinds(c, format)
	case 1:
		return listEntries(c, args[0], format)
	default:
		return showEntry(c, args[0], args[1], format)
	}
}

// catalogKind accepts a kind in the singular and the plural.
func catalogKind(c *scenario.Catalog, word string) (string, error) {
	for _, kind := range c.Kinds() {
		if word == kind || word+"s" == kind || word == kind+"s" {
			return kind, nil
		}
	}
	return "", badUsage(nearestHint(word, c.Kinds()), "the catalog has no %q", word)
}

// kindWidth is the column of the kinds' names.
const kindWidth = 10

func listKinds(c *scenario.Catalog, format string) (string, error) {
	if format == formatJSON {
		all := make(map[string][]string)
		for _, kind := range c.Kinds() {
			all[kind] = c.Names(kind)
		}
		return jsonText(all)
	}
	g := &grid{head: []string{"kind", "names"}, left: []int{1}}
	for _, kind := range c.Kinds() {
		names := strings.Join(c.Names(kind), ", ")
		if format != formatText {
			g.add(kind, names)
			continue
		}
		for i, line := range strings.Split(wrappedTo(names, lineWidth-kindWidth), "\n") {
			if i > 0 {
				kind = ""
			}
			g.add(kind, line)
		}
	}
	return g.render(format), nil
}

func listEntries(c *scenario.Catalog, kind, format string) (string, error) {
	if format == formatJSON {
		return jsonText(c.Names(kind))
	}
	g := &grid{head: []string{"name", "title"}, left: []int{1}}
	for _, name := range c.Names(kind) {
		title := ""
		if entry, ok := c.Entry(kind, name); ok {
			title = entry.Title
		}
		g.add(name, title)
	}
	return g.render(format), nil
}

func showEntry(c *scenario.Catalog, kind, name, format string) (string, error) {
	entry, ok := c.Entry(kind, name)
	if !ok {
		return "", badUsage(nearestHint(name, c.Names(kind)), "the catalog has no %s %q", strings.TrimSuffix(kind, "s"), name)
	}
	if format == formatJSON {
		return jsonText(valuesJSON(entry.Values))
	}
	return valueTable(entry.Values, format), nil
}

// jsonText indents a document.
func jsonText(doc any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(doc)
	return b.String(), err
}
