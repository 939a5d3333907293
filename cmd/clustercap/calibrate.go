package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim/backtest"
	"clustercap/sim/scenario"
)

func newCalibrateCommand(p *program) *cobra.Command {
	var (
		fit backtest.Fit
		out string
	)
	cmd := &cobra.Command{
		Use:   "calibrate CASES.csv --chip C [--precision P] [--out FILE]",
		Short: "Fit a chip's efficiency constants to measured steps",
		Long: `Fits the catalog's efficiency constants of a chip to the measured steps of a CSV file
(see backtest), and prints them beside the catalog's with the mean error before, after,
and on steps that were left out of the fit. Constants that the steps cannot tell keep
the catalog's value. A constant that ends at the bound of what it can be is said, and so
is a fit that is no better than the catalog's constants. With --catalog the fit begins
with the constants of that file in the catalog's place, and says so. --out writes the
fitted ones as a scenario's fleet, with their 90 % intervals as ranges: give it to other
commands with --catalog, build a scenario on it with base:, or copy its chip: into one.`,
		Example: `  clustercap calibrate my-steps.csv --chip h100-sxm --out my-h100.yaml
  clustercap estimate --model llama3-70b --chip h100-sxm --chips 512 --catalog my-h100.yaml`,
		Args: arguments(1, 1, "one CSV file"),
	}
	f := cmd.Flags()
	loadCatalog := addCatalog(cmd)
	f.StringVar(&fit.Chip, "chip", "", "fit the catalog's chip `NAME`")
	f.StringVar(&fit.Precision, "precision", "", "take only the rows of precision `P`: "+choices(backtest.Precisions()))
	f.StringArrayVar(&fit.Families, "family", nil, "take only the rows of family `F`; may be given again")
	f.BoolVar(&fit.Complete, "complete", false, "take only rows whose configuration is fully known")
	f.StringVar(&out, "out", "", "write the fitted constants to `FILE`")
	format := addChoice(cmd, "format", "how to print", formatText, formatJSON, formatCSV, formatMarkdown)
	complete(cmd, "chip", func(string) []string {
		c, err := scenario.LoadCatalog()
		if err != nil {
			return nil
		}
		return c.Names("chips")
	})
	complete(cmd, "precision", func(string) []string { return backtest.Precisions() })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if fit.Chip == "" {
			return badUsage("such as --chip h100-sxm", "%s needs --chip", cmd.CommandPath())
		}
		var file *outFile
		var err error
		if cmd.Flags().Changed("out") {
			if file, err = newOutFile("--out", out, "my-chip.yaml"); err != nil {
				return err
			}
		}
		catalog, err := loadCatalog()
		if err != nil {
			return err
		}
		p.sayChanges(changesOf(catalog))
		if _, err := lookUp(catalog.Chip, catalog, "chips", fit.Chip); err != nil {
			return err
		}
		cases, err := loadCases(args[0])
		if err != nil {
			return err
		}
		if err := knownFamilies(cases, fit.Families, args[0]); err != nil {
			return err
		}
		if err := knownPrecision(cases, fit.Precision, args[0]); err != nil {
			return err
		}
		c, err := backtest.Calibrate(cmd.Context(), cases, catalog, fit)
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if err != nil {
			return cannot(err, "clustercap backtest "+args[0]+" says which rows can be simulated", "%s: %v", args[0], err)
		}
		text, err := calibrationText(c, format.value)
		if err != nil {
			return err
		}
		if file == nil {
			return p.printed(text)
		}
		if err := p.writeOverlay(file, c); err != nil {
			return errors.Join(p.printed(text), err) // the table says why
		}
		return p.printed(text)
	}
	return cmd
}

// knownFamilies refuses a family that the file does not have.
func knownFamilies(cases *backtest.Cases, families []string, file string) error {
	known := familiesOf(cases)
	for _, f := range families {
		if !slices.Contains(known, f) {
			return badUsage(nearestHint(f, known), "%s has no family %q", file, f)
		}
	}
	return nil
}

// knownPrecision refuses a precision that no row of the file has.
func knownPrecision(cases *backtest.Cases, precision, file string) error {
	if precision == "" {
		return nil
	}
	var found []string
	for i := range cases.List {
		if p := cases.List[i].Precision; p != "" && !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	if slices.Contains(found, precision) {
		return nil
	}
	slices.Sort(found)
	if !slices.Contains(backtest.Precisions(), precision) {
		return badUsage("one of "+strings.Join(backtest.Precisions(), ", "), "--precision %q is not a precision", precision)
	}
	hint := "leave --precision out: its rows name none"
	if len(found) > 0 {
		hint = "it has " + strings.Join(found, ", ")
	}
	return badUsage(hint, "%s has no row of precision %q", file, precision)
}

// writeOverlay writes the fitted constants.
func (p *program) writeOverlay(out *outFile, c *backtest.Calibration) error {
	text := c.Overlay()
	if text == "" {
		return cannot(nil, "more configurations would help", "%s not written: these steps tell none of the constants", out.name)
	}
	err := out.write(func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		return err
	}
	say(p.stderr, "wrote %s", out.name)
	if c.NoBetter {
		hint(p.stderr, "keep "+c.Start()+": those in "+out.name+" are no better")
	}
	return nil
}

func calibrationText(c *backtest.Calibration, format string) (string, error) {
	switch format {
	case formatJSON:
		return jsonText(c)
	case formatCSV:
		return calibrationCSV(c).render(format), nil
	}
	g := &grid{head: []string{"constant", "catalog", "fitted, 90 %", "remark"}, left: []int{1, 2, 3}}
	if len(c.CatalogFiles) > 0 {
		g.head[1] = "given"
	}
	for _, k := range c.Constants {
		catalog := k.CatalogText
		if k.Catalog == 0 {
			catalog = "-"
		}
		remark := or(k.Kept, atBound(&k))
		if k.CatalogFile != "" {
			remark = strings.TrimSuffix("given by "+k.CatalogFile+"; "+remark, "; ")
		}
		g.add(k.Name, catalog, or(k.FittedText, "-"), remark)
	}
	var b strings.Builder
	heading(&b, format, "%s, fitted to %s of %s", c.Chip, counted(c.Rows, "step"), counted(c.Configurations, "configuration"))
	b.WriteString("\n" + g.render(format) + "\n")
	if c.Overlay() == "" {
		bullet(&b, format, fmt.Sprintf("Nothing is fitted, %s stand: mean error %s", c.Start(), percent(c.Before)))
		return b.String(), nil
	}
	bullet(&b, format, fmt.Sprintf("Mean error: %s with %s, %s fitted", percent(c.Before), c.Start(), percent(c.After)))
	if c.CrossValidated != nil {
		bullet(&b, format, fmt.Sprintf("On steps left out of the fit (%d folds, a configuration never in two): %s", c.Folds, percent(*c.CrossValidated)))
	}
	if c.NoBetter {
		bullet(&b, format, "The fit is no better than "+c.Start()+": keep those (--out writes the fitted ones all the same)")
	}
	return b.String(), nil
}

// atBound says what it means that a fit ended at a bound.
func atBound(k *backtest.Constant) string {
	if k.Bound == "" {
		return ""
	}
	return "at the bound of what it can be: something else about these steps is not as taken"
}

// calibrationCSV has the constants as numbers in their own units: shares of 1, seconds.
func calibrationCSV(c *backtest.Calibration) *grid {
	g := &grid{head: []string{"constant", "unit", "catalog", "fitted", "low", "high", "kept_because", "bound", "catalog_file"}}
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return plainNumber(*v)
	}
	for i := range c.Constants {
		k := &c.Constants[i]
		g.add(k.Name, k.Unit, plainNumber(k.Catalog), number(k.Fitted), number(k.Low), number(k.High), k.Kept, k.Bound, k.CatalogFile)
	}
	return g
}
