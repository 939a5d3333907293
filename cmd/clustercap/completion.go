package main

import (
	"strings"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "Print a script that completes commands in your shell",
		Long: `Prints a script that teaches your shell to complete clustercap's commands, flags,
plans and catalog names. Load it from the shell's start-up file:

  bash        source <(clustercap completion bash)
  zsh         source <(clustercap completion zsh)
  fish        clustercap completion fish | source
  powershell  clustercap completion powershell | Out-String | Invoke-Expression`,
		Args:      arguments(1, 1, "the name of one shell"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			var script strings.Builder
			var err error
			switch root := cmd.Root(); args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&script, true)
			case "zsh":
				err = root.GenZshCompletion(&script)
			case "fish":
				err = root.GenFishCompletion(&script, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&script)
			default:
				return badUsage("there is "+choices(shells), "there is no completion for %q", args[0])
			}
			if err != nil {
				return err
			}
			return p.printed(script.String())
		},
	}
}
