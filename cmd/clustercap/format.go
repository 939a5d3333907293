package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// The output formats.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatCSV      = "csv"
	formatMarkdown = "markdown"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	among []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.among, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.among, s) {
		return fmt.Errorf("not one of %s", strings.Join(c.among, ", "))
	}
	c.value = s
	return nil
}

// addChoice adds a flag whose first allowed word is the default.
func addChoice(cmd *cobra.Command, name, usage string, among ...string) *choice {
	c := &choice{value: among[0], among: among}
	cmd.Flags().Var(c, name, usage)
	complete(cmd, name, func(string) []string { return among })
	return c
}

// complete offers words for a flag's value to the shell.
func complete(cmd *cobra.Command, flag string, words func(toComplete string) []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return words(toComplete), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag was not defined before: our bug
	}
}

// grid is a table as data: the first column is text, the others are aligned right
// unless left names them.
type grid struct {
	head []string
	rows [][]string
	left []int // columns besides the first that are text, counted from 0
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// render writes the table in one of the formats text, csv and markdown.
func (g *grid) render(format string) string {
	w := table.NewWriter()
	w.AppendHeader(tableRow(g.head))
	for _, r := range g.rows {
		w.AppendRow(tableRow(r))
	}
	var columns []table.ColumnConfig
	for i := range g.head {
		align := text.AlignRight
		if i == 0 || slices.Contains(g.left, i) {
			align = text.AlignLeft
		}
		columns = append(columns, table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align})
	}
	w.SetColumnConfigs(columns)
	w.SetStyle(plainStyle())
	w.SuppressTrailingSpaces()
	switch format {
	case formatCSV:
		return w.RenderCSV() + "\n"
	case formatMarkdown:
		return w.RenderMarkdown() + "\n"
	default:
		return w.Render() + "\n"
	}
}

// plainStyle has no boxes: columns two spaces apart under a ruled header, so that
// a terminal, a mail and a file show the same.
func plainStyle() table.Style {
	s := table.StyleDefault
	s.Format.Header = text.FormatDefault
	s.Options = table.Options{SeparateHeader: true}
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	s.Box.MiddleHorizontal = "─"
	return s
}

func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		row[i] = c
	}
	return row
}
