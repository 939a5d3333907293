package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of commands, in the order that help lists them.
const (
	groupSimulate = "Simulate a calendar"
	groupStep     = "Price one training step"
	groupFiles    = "Work on files"
)

var groups = []string{groupSimulate, groupStep, groupFiles}

// usage prints how a command is called: its form, examples, commands and flags.
// The library's own print is wider than a terminal and writes --flag[=true|false].
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "Usage: %s COMMAND\n", cmd.CommandPath())
	} else {
		fmt.Fprintf(&b, "Usage: %s\n", cmd.UseLine())
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	for _, group := range groups {
		var lines strings.Builder
		for _, c := range cmd.Commands() {
			if c.GroupID == group {
				fmt.Fprintf(&lines, "  %-11s %s\n", c.Name(), c.Short)
			}
		}
		if lines.Len() > 0 {
			fmt.Fprintf(&b, "\n%s:\n%s", group, &lines)
		}
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command.\n", cmd.CommandPath())
	}
	if flags := flagUsages(cmd.Flags()); flags != "" {
		fmt.Fprintf(&b, "\nFlags:\n%s", flags)
	}
	_, err := cmd.OutOrStderr().Write([]byte(b.String()))
	return err
}

// flagUsages lists flags: name and value, then what it does, wrapped beneath.
func flagUsages(flags *pflag.FlagSet) string {
	const column = 22
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, text := pflag.UnquoteUsage(f)
		if f.Value.Type() == "bool" {
			value = ""
		}
		if c, ok := f.Value.(*choice); ok {
			value = strings.ToUpper(f.Name)
			text += ": " + choices(c.among)
		}
		if !slices.Contains([]string{"", "0", "[]", "false"}, f.DefValue) {
			text += " (default " + f.DefValue + ")"
		}
		name := "  --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		if value != "" {
			name += " " + value
		}
		indent := strings.Repeat(" ", column)
		if len(name)+2 > column {
			b.WriteString(name + "\n" + indent)
		} else {
			fmt.Fprintf(&b, "%-*s", column, name)
		}
		b.WriteString(strings.ReplaceAll(wrappedTo(text, lineWidth-column), "\n", "\n"+indent) + "\n")
	})
	return b.String()
}

// lineWidth is the widest line that the program prints on its own account.
const lineWidth = 100

// wrapped breaks a paragraph at spaces to lineWidth; lines after the first are
// indented.
func wrapped(text, indent string) string {
	return strings.ReplaceAll(wrappedTo(text, lineWidth-len(indent)), "\n", "\n"+indent) + "\n"
}

// wrappedTo breaks text at spaces so that no line is wider than width, except by
// one long word. A per cent sign stays with its number.
func wrappedTo(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(strings.ReplaceAll(text, " %", "\x00%")) {
		word = strings.ReplaceAll(word, "\x00", " ")
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
