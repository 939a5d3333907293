package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim"
	"clustercap/sim/backtest"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

func newBacktestCommand(p *program) *cobra.Command {
	var (
		families      []string
		complete, all bool
	)
	cmd := &cobra.Command{
		Use:   "backtest CASES.csv [--family F]... [--complete]",
		Short: "Hold predicted training steps against measured ones",
		Long: `Prices every measured step of a CSV file and prints predicted against measured time
with the error of each row, then the errors by family, by chip, of weak-scaling series
and of rankings of layouts, and those on rows left out of a fit: one factor per software
stack and chip fitted to other configurations or other families, and every family taken
for one whose stack nobody knows. The file has a header with the columns that
sim/step/testdata/README.md describes; most may be missing or empty. A row needs a
model, a chip (or sys= in its notes), chips, seq, global_batch_seqs, and one of
step_time_s, tokens_per_s, tflops_per_chip and mfu_pct; without a speed it is predicted
and not compared. What cannot be compared is listed with the reason; what can, but
contradicts itself or needs more memory than the chip has, is marked * and listed with
how it was taken. JSON and CSV have the p10 and p90 of each prediction too, which follow
from what is known of the chip only as a range and may leave the prediction out (see
estimate).`,
		Example: `  clustercap backtest sim/step/testdata/steps.csv --complete
  clustercap backtest my-steps.csv --format json`,
		Args: arguments(1, 1, "one CSV file"),
	}
	f := cmd.Flags()
	loadCatalog := addCatalog(cmd)
	f.StringArrayVar(&families, "family", nil, "take only the rows of family `F`; may be given again")
	f.BoolVar(&complete, "complete", false, "take only rows whose configuration is fully known")
	f.BoolVar(&all, "all", false, "take every row (the default)")
	format := addChoice(cmd, "format", "how to print: tables, all rows as JSON or as CSV, or tables as Markdown",
		formatText, formatJSON, formatCSV, formatMarkdown)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if complete && all {
			return badUsage("give one of them", "--complete and --all contradict each other")
		}
		cases, err := loadCases(args[0])
		if err != nil {
			return err
		}
		if err := knownFamilies(cases, families, args[0]); err != nil {
			return err
		}
		if len(cases.Ignored) > 0 {
			say(p.stderr, "ignored in %s: %s", args[0], strings.Join(cases.Ignored, ", "))
		}
		catalog, err := loadCatalog()
		if err != nil {
			return err
		}
		p.sayChanges(changesOf(catalog))
		report := backtest.Run(cases, catalog, backtest.Selection{Families: families, Complete: complete})
		if len(report.Rows) == 0 {
			return cannot(nil, "leave out --complete, or fill in the column complete", "%s has no complete rows", args[0])
		}
		if format.value == formatJSON || format.value == formatCSV { // tables have no room for it
			if err := rangeRows(cmd.Context(), report); err != nil {
				return err
			}
		}
		text, err := backtestText(report, format.value)
		if err != nil {
			return err
		}
		return p.printed(text)
	}
	return cmd
}

// rangeRows puts around every prediction the p10 to p90 of an estimate. Rows of one system
// stand together and share their draws.
func rangeRows(ctx context.Context, r *backtest.Report) error {
	var of *step.Machine
	drawn, times := make([]step.Machine, draws), make([]float64, draws)
	for i := range r.Rows {
		row := &r.Rows[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		if row.Predicted == 0 {
			continue
		}
		if of == nil || !reflect.DeepEqual(of, &row.Config.Machine) {
			of = &row.Config.Machine
			for k := range drawn {
				drawn[k] = sim.DrawMachine(of, drawSeed, k)
			}
		}
		for k := range drawn {
			var err error
			if times[k], err = row.Repriced(&drawn[k]); err != nil {
				return err
			}
		}
		around := result.Summary(times)
		row.Low, row.High = around.P10, around.P90
	}
	return nil
}

// loadCases reads a file of measurements.
func loadCases(name string) (*backtest.Cases, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, badFile(name, plainPathError(err).Error(), "")
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, badFile(name, "is a folder, not a CSV file", "")
	}
	return backtest.Load(file, name)
}

// badFile says what is wrong with a file as a whole.
func badFile(name, what, hint string) error {
	return &scenario.Problems{List: []scenario.Problem{{File: name, What: what, Hint: hint}}}
}

func familiesOf(cases *backtest.Cases) []string {
	var out []string
	for i := range cases.List {
		if f := cases.List[i].Family; !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

func backtestText(r *backtest.Report, format string) (string, error) {
	switch format {
	case formatJSON:
		return jsonText(r)
	case formatCSV:
		return backtestRows(r, format).render(format), nil
	}
	parts := []string{backtestRows(r, format).render(format)}
	if n := r.Summary.Doubtful; n > 0 {
		doubted := reasonedRows("doubt", r, r.Summary.Doubts, format, func(row *backtest.Row, text string) bool { return slices.Contains(row.Doubts, text) })
		parts = append(parts, fmt.Sprintf("* priced with a doubt, %s: what is printed contradicts itself, or leaves no room in the chip's memory\n\n%s", counted(n, "row"), doubted.render(format)))
	}
	if len(r.Summary.Skipped) > 0 {
		parts = append(parts, reasonedRows("not compared because", r, r.Summary.Skipped, format, func(row *backtest.Row, text string) bool { return row.Skipped == text }).render(format))
	}
	parts = append(parts, backtestGroups("errors", r.Summary.Groups).render(format))
	if len(r.Summary.Memory) > 0 {
		parts = append(parts, backtestGroups("errors of memory", r.Summary.Memory).render(format))
	}
	if len(r.Summary.Series) > 0 {
		parts = append(parts, backtestSeries(r).render(format))
	}
	if len(r.Summary.Rankings) > 0 {
		g := &grid{head: []string{"ranking of layouts", "layouts", "Spearman"}}
		for _, k := range r.Summary.Rankings {
			g.add(k.Name, strconv.Itoa(k.Layouts), correlation(&k.Spearman))
		}
		parts = append(parts, g.render(format))
	}
	if v := r.Summary.Validation; v != nil {
		parts = append(parts, backtestValidation(v).render(format))
		if v.Alone.Rows > 0 {
			parts = append(parts, alone(&v.Alone))
		}
		parts = append(parts, backtestGroups("as an unknown family", v.Unknown).render(format))
	}
	return strings.Join(parts, "\n"), nil
}

// backtestRows lists the rows: as CSV all of them, else the predicted ones.
func backtestRows(r *backtest.Report, format string) *grid {
	if format == formatCSV {
		return backtestCSV(r)
	}
	g := &grid{head: []string{"row", "model", "chips", "layout", "measured s", "predicted s", "error"}, left: []int{1, 3}}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Predicted == 0 {
			continue
		}
		layout, more := row.Layout, []string(nil)
		if format == formatText {
			layout, more = folded(layout, widestLayout)
		}
		id := row.ID
		if len(row.Doubts) > 0 {
			id += " *"
		}
		measured, off := "", ""
		if row.Error != nil {
			measured, off = figure(row.Measured), signedPercent(*row.Error)
		}
		g.add(id, row.Case.Model, grouped(float64(row.Case.Chips)), layout, measured, figure(row.Predicted), off)
		for _, line := range more {
			g.add("", "", "", line, "", "", "")
		}
	}
	return g
}

// backtestCSV has every row with all that is known of it.
func backtestCSV(r *backtest.Report) *grid {
	g := &grid{head: []string{
		"id", "family", "measured_step_s", "predicted_step_s", "predicted_low_s", "predicted_high_s", "error", "basis", "layout", "assumed", "skipped",
		"measured_memory_gib", "predicted_memory_gib",
	}}
	for _, p := range partsOf(step.Parts{}) {
		g.head = append(g.head, p.name+"_s")
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		const gib = 1 << 30
		cells := []string{row.ID, row.Family, plainNumber(row.Measured), "", "", "", "", string(row.Basis), "", "", row.Skipped, plainNumber(float64(row.Case.Memory()) / gib), ""}
		if row.Error != nil {
			cells[6] = plainNumber(*row.Error)
		}
		if row.Predicted > 0 {
			cells[3], cells[4], cells[5] = plainNumber(row.Predicted), plainNumber(row.Low), plainNumber(row.High)
			cells[8], cells[9] = row.Layout, strings.Join(row.Assumed, "; ")
			cells[12] = plainNumber(float64(row.Step.Memory.Total()) / gib)
			for _, p := range partsOf(row.Step.Parts) {
				cells = append(cells, plainNumber(p.seconds))
			}
		}
		for len(cells) < len(g.head) {
			cells = append(cells, "")
		}
		g.add(cells...)
	}
	return g
}

// plainNumber writes a number for programs, empty for none.
func plainNumber(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// reasonedRows lists the rows that have each reason, one row per reason; in text, lines of it.
func reasonedRows(title string, r *backtest.Report, reasons []backtest.Reason, format string, has func(row *backtest.Row, text string) bool) *grid {
	g := &grid{head: []string{title, "rows", "which"}, left: []int{2}}
	for _, reason := range reasons {
		var ids []string
		for i := range r.Rows {
			if has(&r.Rows[i], reason.Text) {
				ids = append(ids, r.Rows[i].ID)
			}
		}
		if format == formatMarkdown {
			g.add(reason.Text, strconv.Itoa(reason.Rows), strings.Join(ids, " "))
			continue
		}
		text := reason.Text
		for line := range strings.SplitSeq(wrappedTo(strings.Join(ids, " "), lineWidth/3), "\n") {
			first, rest, _ := strings.Cut(wrappedTo(text, lineWidth/2), "\n")
			count := ""
			if text == reason.Text {
				count = strconv.Itoa(reason.Rows)
			}
			g.add(first, count, line)
			text = strings.ReplaceAll(rest, "\n", " ")
		}
		for text != "" {
			first, rest, _ := strings.Cut(wrappedTo(text, lineWidth/2), "\n")
			g.add(first, "", "")
			text = strings.ReplaceAll(rest, "\n", " ")
		}
	}
	return g
}

// backtestGroups is the table of errors.
func backtestGroups(title string, groups []backtest.Group) *grid {
	g := &grid{head: []string{title, "rows", "simulated", "MAPE", "bias", "median", "worst", "row", "in 20 %", "Spearman"}, left: []int{7}}
	kind := ""
	for i := range groups {
		e := &groups[i]
		if kind != "" && kind != e.Kind && e.Kind != "complete" {
			g.add("")
		}
		kind = e.Kind
		if e.Simulated == 0 {
			g.add(e.Name, strconv.Itoa(e.Rows), "0")
			continue
		}
		g.add(e.Name, strconv.Itoa(e.Rows), strconv.Itoa(e.Simulated), percent(e.MAPE), signedPercent(e.Bias), percent(e.Median),
			signedPercent(e.Worst), e.WorstID, percent(e.Within20), correlation(e.Spearman))
	}
	return g
}

func backtestSeries(r *backtest.Report) *grid {
	g := &grid{head: []string{"loss of speed per chip with scale", "chips", "measured", "predicted", "points off"}}
	for _, s := range r.Summary.Series {
		g.add(s.Name, fmt.Sprintf("%s to %s", grouped(float64(s.Smallest)), grouped(float64(s.Largest))),
			percent(s.Measured), percent(s.Predicted), strconv.FormatFloat(100*(s.Predicted-s.Measured), 'f', 1, 64))
	}
	return g
}

// backtestValidation is the table of errors on rows that a fit has not seen.
func backtestValidation(v *backtest.Validation) *grid {
	g := &grid{head: []string{"one factor per stack and chip, fitted to", "rows", "MAPE"}}
	add := func(name string, rows int, mape float64) {
		if rows > 0 {
			g.add(name, strconv.Itoa(rows), percent(mape))
		}
	}
	add("all rows", v.Rows, v.Fitted)
	add("other configurations, in five folds", v.Rows, v.ByConfiguration)
	add("other families on the same stack and chip", v.Sibling.Rows, v.Sibling.MAPE)
	add("nothing: no other family on them **", v.Alone.Rows, v.Alone.MAPE)
	unknown := &v.Unknown[len(v.Unknown)-1]
	add("nothing, the stack guessed: as an unknown family", unknown.Simulated, unknown.MAPE)
	return g
}

// alone says which rows are priced with the catalog's constants alone.
func alone(left *backtest.Left) string {
	var names []string
	for _, f := range left.Families {
		names = append(names, fmt.Sprintf("%s (%d)", f.Family, f.Rows))
	}
	return wrappedTo("** at the catalog's constants as they are; on the rows that these were fitted to (sim/step/testdata/steps.csv) no prediction: "+strings.Join(names, ", "), lineWidth) + "\n"
}

// signedPercent writes a deviation.
func signedPercent(share float64) string {
	if share > 0 {
		return "+" + percent(share)
	}
	return percent(share)
}

func correlation(rho *float64) string {
	if rho == nil {
		return ""
	}
	return strconv.FormatFloat(*rho, 'f', 2, 64)
}
