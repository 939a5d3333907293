package main

import (
	"github.com/spf13/cobra"

	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

func newSchemaCommand(p *program) *cobra.Command {
	names := []string{"scenario", "result"}
	return &cobra.Command{
		Use:   "schema [scenario|result]",
		Short: "Print the JSON Schema of scenario files or of result.json",
		Long: `Prints the JSON Schema of scenario files (the default) or of result.json. An editor
that knows YAML schemas completes and underlines a scenario whose first line is

  # yaml-language-server: $schema=scenario.schema.json`,
		Args:      arguments(0, 1, "at most one document's name"),
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			which := names[0]
			if len(args) == 1 {
				which = args[0]
			}
			switch which {
			case "scenario":
				return p.printed(string(scenario.Schema()))
			case "result":
				return p.printed(string(result.Schema()))
			default:
				return badUsage(nearestHint(which, names), "there is no schema of %q", which)
			}
		},
	}
}
