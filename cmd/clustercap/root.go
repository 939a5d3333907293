package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clustercap/sim/result"
	"clustercap/sim/spell"
)

// program is where a command reads and writes.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// progressed is told of every replica that ends; nil outside tests.
	progressed func(done int)
}

// run carries out one command line and returns the exit code. An interrupt
// (Ctrl-C, or a batch system's termination) stops the work and leaves nothing
// half-written; a second one ends the process at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	return p.run(ctx, args)
}

func (p *program) run(ctx context.Context, args []string) int {
	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return report(p.stderr, root.ExecuteContext(ctx))
}

func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "clustercap",
		Short: "What N accelerators really deliver, and when",
		Long: `clustercap simulates the months that follow when accelerators arrive, are
commissioned, train models, fail and are repaired, on the power that the site has.
It answers in ranges: how long training takes, at what power, energy and cost.

Start with:  clustercap run scenarios/shaoguan.yaml`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return badUsage("clustercap --help lists the commands", "no command given")
			}
			return badUsage(nearestHint(args[0], commandNames(cmd)), "there is no command %q", args[0])
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetVersionTemplate("clustercap {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCommand())
	root.SetUsageFunc(usage)
	root.PersistentFlags().BoolP("help", "h", false, "show this help")
	root.Flags().Bool("version", false, "show the version")
	addGroup(root, groupSimulate, newRunCommand(p), newCompareCommand(p), newPlotCommand(p))
	addGroup(root, groupStep, newEstimateCommand(p), newSearchCommand(p), newBacktestCommand(p), newCalibrateCommand(p))
	addGroup(root, groupFiles, newCheckCommand(p), newExplainCommand(p), newCatalogCommand(p), newSchemaCommand(p), newCompletionCommand(p))
	return root
}

func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
		c.DisableFlagsInUseLine = true
	}
	root.AddCommand(commands...)
}

// newHelpCommand is `clustercap help COMMAND`, the same as COMMAND --help.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			target, _, err := root.Find(args[:1])
			if err != nil || target == root {
				return badUsage(nearestHint(args[0], commandNames(root)), "there is no command %q", args[0])
			}
			return target.Help()
		},
	}
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagError turns a flag parser's error into the program's voice.
func flagError(cmd *cobra.Command, err error) error {
	help := cmd.CommandPath() + " --help lists the flags"
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return badUsage(help, "%s has no flag -%s", cmd.CommandPath(), name)
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := spell.Nearest(name, names); near != "" {
			help = "did you mean --" + near + "?"
		}
		return badUsage(help, "%s has no flag --%s", cmd.CommandPath(), name)
	case errors.As(err, &missing):
		return badUsage(help, "--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		_, about := pflag.UnquoteUsage(f)
		if example, ok := f.Value.(interface{ hint(flag string) string }); ok {
			about = example.hint(f.Name)
		}
		return badUsage(about, "--%s %q: %v", f.Name, invalid.GetValue(), invalid.Unwrap())
	default:
		return badUsage(help, "%v", err)
	}
}

// arguments checks the number of positional arguments; most < 0 is any number.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return badUsage("usage: "+cmd.UseLine(), "%s needs %s", cmd.CommandPath(), what)
		case most >= 0 && len(args) > most:
			return badUsage("usage: "+cmd.UseLine(), "%s takes %s, %q is one too many", cmd.CommandPath(), what, args[most])
		}
		return nil
	}
}

// release is the version of the module that the binary was built from, "devel"
// where the build recorded none.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// version is the release with the schema of the results it writes.
func version() string {
	return fmt.Sprintf("%s (result schema %d)", release(), result.SchemaVersion)
}

// printed writes a result to stdout in one piece.
func (p *program) printed(text string) error {
	if _, err := io.WriteString(p.stdout, text); err != nil {
		return cannot(err, "", "writing to standard output: %v", plainPathError(err))
	}
	return nil
}

// plainPathError drops the operation and the path from a file system error; the
// sentence around it names the path.
func plainPathError(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return linkErr.Err
	}
	return err
}
