package main

// How the program speaks:
//
//   - stdout carries results only; everything else goes to stderr.
//   - An error is one line, "clustercap: what is wrong", followed where the reader
//     can do something by one line, "clustercap: hint: what to do".
//   - Problems in a file are the exception: they are printed as
//     file:line:col: path: what is wrong; what would be right
//     so that editors can jump to them, then one line counts them.
//   - Sentences name things as the reader wrote them; a name that is nearly right
//     is answered with the nearest one that exists.
//   - Lower case, no full stop at the end, no exclamation, no apology, no type or
//     function name of the program.
//   - A reader that hangs up (a closed pipe) is not an error to talk about.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"clustercap/sim"
	"clustercap/sim/scenario"
	"clustercap/sim/spell"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // the run could not be done
	exitUsage  = 2 // bad usage or bad file
)

// complaint is an error with the reader's way out.
type complaint struct {
	code int
	what string
	hint string // empty where there is nothing to do
	err  error  // the cause, or nil
}

func (c *complaint) Error() string { return c.what }
func (c *complaint) Unwrap() error { return c.err }

// badUsage says that the command line is wrong.
func badUsage(hint, format string, args ...any) error {
	return &complaint{code: exitUsage, what: fmt.Sprintf(format, args...), hint: hint}
}

// cannot says that a well-formed request could not be carried out because of err.
func cannot(err error, hint, format string, args ...any) error {
	return &complaint{code: exitFailed, what: fmt.Sprintf(format, args...), hint: hint, err: err}
}

// report prints err to w in the program's voice and returns the exit code.
func report(w io.Writer, err error) int {
	var (
		c          *complaint
		found      *checkedProblems
		problems   *scenario.Problems
		infeasible *sim.InfeasibleError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, syscall.EPIPE):
		return exitFailed
	case errors.As(err, &found):
		fmt.Fprintln(w, strings.TrimRight(found.Error(), "\n"))
		say(w, "%s found", problemCount(found.Problems))
		return exitUsage
	case errors.As(err, &problems):
		return reportProblems(w, problems)
	case errors.Is(err, context.Canceled):
		say(w, "interrupted; nothing was written")
		return exitFailed
	case errors.As(err, &infeasible):
		say(w, "%v", infeasible)
		return exitFailed
	case errors.As(err, &c):
		say(w, "%s", c.what)
		hint(w, c.hint)
		return c.code
	default:
		say(w, "%v", err)
		return exitFailed
	}
}

// reportProblems lists everything wrong with a file.
func reportProblems(w io.Writer, problems *scenario.Problems) int {
	fmt.Fprintln(w, strings.TrimRight(problems.Error(), "\n"))
	say(w, "%s found; nothing was run", problemCount(problems))
	return exitUsage
}

func problemCount(problems *scenario.Problems) string {
	return counted(len(problems.List)+problems.More, "problem")
}

// say prints one line in the program's name.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "clustercap: %s\n", strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// hint prints what to do, if there is anything.
func hint(w io.Writer, text string) {
	if text != "" {
		say(w, "hint: %s", text)
	}
}

// counted is "1 problem", "3 problems".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(float64(n)) + " " + noun + "s"
}

// choices is "a, b or c".
func choices(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// nearestHint suggests the name among known that was probably meant, or lists
// them when nothing is near.
func nearestHint(name string, known []string) string {
	if near := spell.Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	const most = 12 // names that a line holds
	switch {
	case len(known) == 0:
		return ""
	case len(known) > most:
		return fmt.Sprintf("there are %s and %d more", strings.Join(known[:most], ", "), len(known)-most)
	}
	return "there is " + choices(known)
}
