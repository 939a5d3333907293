package compare

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"clustercap/sim/unit"
)

// Table is a comparison as people read it: every cell a text.
type Table struct {
	// Head names the columns: the quantity, then each plan, each but the first
	// followed by its difference to the first.
	Head   []string
	Groups []Group
	Notes  []string
}

// Group of rows about one job or the site.
type Group struct {
	Name string
	Rows [][]string
}

// plansPerTable is how many plans fit side by side in 120 columns.
const plansPerTable = 3

// Table lays out the plans with these indices; the first of all plans always comes first.
func (c *Comparison) Table(plans []int) Table {
	t := Table{Head: []string{""}}
	for _, i := range plans {
		t.Head = append(t.Head, c.Plans[i].Name)
		if i > 0 {
			t.Head = append(t.Head, "vs "+c.Plans[0].Name)
		}
	}
	for k := range c.Rows {
		row := &c.Rows[k]
		name := "site, whole calendar"
		if row.Job != "" {
			name = "job " + row.Job
		}
		if n := len(t.Groups); n == 0 || t.Groups[n-1].Name != name {
			t.Groups = append(t.Groups, Group{Name: name})
		}
		cells := []string{label(row)}
		for _, i := range plans {
			cells = append(cells, valueText(row, i))
			if i > 0 {
				cells = append(cells, differenceText(row, i))
			}
		}
		g := &t.Groups[len(t.Groups)-1]
		g.Rows = append(g.Rows, cells)
	}
	for i, note := range c.Footnotes {
		t.Notes = append(t.Notes, superscript(i+1)+" "+note)
	}
	if more := c.unsettled(); more != "" {
		t.Notes = append(t.Notes, more)
	}
	return t
}

// unsettled explains the tilde, where one is shown.
func (c *Comparison) unsettled() string {
	for _, r := range c.Rows {
		for _, cell := range r.Cells {
			if cell.Difference != nil && cell.Difference.Noise() {
				return "~ may be chance (95 % interval includes 0); in brackets how many more replicas would settle it"
			}
		}
	}
	return ""
}

func label(r *Row) string {
	if r.Scale.Unit == "" {
		return r.Label
	}
	return r.Label + ", " + r.Scale.Unit
}

// valueText is the mean, with p10 and p90 in brackets where they differ.
func valueText(r *Row, i int) string {
	c := &r.Cells[i]
	if !c.Present {
		return "-"
	}
	marks := superscripts(c.Notes[:len(c.Notes)-c.differenceNotes])
	switch {
	case c.Bound && r.kind() == dates:
		return "not by then" + marks
	case c.Bound:
		return ">" + r.Scale.Number(math.Floor(c.AtLeast)) + marks
	case r.kind() == dates:
		return c.Date.P50 + marks
	}
	scale := r.Scale
	if c.Unit != "" {
		scale = MoneyScale(c.Unit, c.Stat.Mean)
		marks = " " + scale.Unit + marks
	}
	low, mean, high := scale.Number(c.Stat.P10), scale.Central(c.Stat), scale.Number(c.Stat.P90)
	if low == high && low == mean {
		return mean + marks
	}
	return fmt.Sprintf("%s (%s–%s)%s", mean, low, high, marks)
}

func differenceText(r *Row, i int) string {
	c := &r.Cells[i]
	d := c.Difference
	if d == nil {
		return ""
	}
	marks := superscripts(c.Notes[len(c.Notes)-c.differenceNotes:])
	switch {
	case d.Same:
		return "=" + marks
	case d.Noise() && d.MoreReplicas >= mostReplicas:
		return "~" + marks
	case d.Noise():
		return fmt.Sprintf("~ (+%s)%s", unit.Group3(strconv.Itoa(d.MoreReplicas)), marks)
	}
	factor, suffix := 1.0, ""
	switch base := math.Abs(r.Cells[0].Stat.Mean); {
	case r.kind() == dates:
		suffix = " d"
	case r.kind() == points:
		factor, suffix = 0.01, " pp"
	case base > 0:
		factor, suffix = base/100, " %"
	default:
		factor = r.Scale.Factor
	}
	mean, half := d.Mean/factor, (d.High-d.Low)/2/factor
	places := decimals(math.Max(math.Abs(mean), 10)) // never finer than one decimal
	text := unit.Group3(strconv.FormatFloat(mean, 'f', places, 64))
	if mean > 0 {
		text = "+" + text
	}
	text += suffix
	if d.Interval {
		text += " ±" + unit.Group3(strconv.FormatFloat(half, 'f', places, 64))
	}
	return text + marks
}

func superscripts(notes []int) string {
	parts := make([]string, len(notes))
	for i, n := range notes {
		parts[i] = superscript(n)
	}
	return strings.Join(parts, "˒")
}

func superscript(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
}

// blocks divides the plans into tables that fit a terminal, each led by the first plan.
func (c *Comparison) blocks() [][]int {
	if len(c.Plans) == 1 {
		return [][]int{{0}}
	}
	var blocks [][]int
	for from := 1; from < len(c.Plans); from += plansPerTable - 1 {
		block := []int{0}
		for i := from; i < min(from+plansPerTable-1, len(c.Plans)); i++ {
			block = append(block, i)
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// WriteText writes the comparison for a terminal, at most three plans side by side.
func (c *Comparison) WriteText(w io.Writer) error {
	for _, plans := range c.blocks() {
		t := c.Table(plans)
		out := newWriter(t)
		style := table.StyleLight
		style.Options = table.Options{SeparateHeader: true}
		style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
		style.Format.Header = text.FormatDefault
		out.SetStyle(style)
		for i, g := range t.Groups {
			if i > 0 {
				out.AppendRow(table.Row{""})
			}
			out.AppendRow(table.Row{g.Name})
			for _, r := range g.Rows {
				out.AppendRow(row(append([]string{"  " + r[0]}, r[1:]...)))
			}
		}
		out.SuppressTrailingSpaces()
		if _, err := fmt.Fprintln(w, out.Render()); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(w, c.legend("\n"))
	return err
}

// legend says what the numbers are, then the footnotes.
func (c *Comparison) legend(end string) string {
	var b strings.Builder
	b.WriteString("mean (p10–p90 over replicas)")
	if len(c.Plans) > 1 {
		b.WriteString("; differences of means with 95 % intervals")
	}
	b.WriteString(end)
	for _, n := range c.Table([]int{0}).Notes {
		b.WriteString(wrapNote(n) + end)
	}
	return b.String()
}

// wrapNote breaks a footnote into lines that fit a terminal of 120 columns.
func wrapNote(note string) string {
	const width = 112
	lines := strings.Split(text.WrapSoft(note, width), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n  ")
}

// WriteMarkdown writes one Markdown table with all plans, then the footnotes.
func (c *Comparison) WriteMarkdown(w io.Writer) error {
	all := make([]int, len(c.Plans))
	for i := range all {
		all[i] = i
	}
	t := c.Table(all)
	out := newWriter(t)
	for _, g := range t.Groups {
		for _, r := range g.Rows {
			out.AppendRow(row(append([]string{g.Name + ": " + r[0]}, r[1:]...)))
		}
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s", out.RenderMarkdown(), c.legend("  \n"))
	return err
}

func newWriter(t Table) table.Writer {
	out := table.NewWriter()
	out.AppendHeader(row(t.Head))
	configs := make([]table.ColumnConfig, 0, len(t.Head))
	for i := range t.Head {
		align := text.AlignRight
		if i == 0 {
			align = text.AlignLeft
		}
		configs = append(configs, table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align})
	}
	out.SetColumnConfigs(configs)
	return out
}

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, c := range cells {
		r[i] = c
	}
	return r
}

// WriteCSV writes one row per quantity and plan, numbers in base units and unrounded.
func (c *Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{
		"job", "metric", "unit", "plan", "mean", "p10", "p50", "p90", "at_least",
		"difference", "difference_low", "difference_high", "paired", "more_replicas", "notes",
	}); err != nil {
		return err
	}
	for _, r := range c.Rows {
		for i, cell := range r.Cells {
			if !cell.Present {
				continue
			}
			if err := out.Write(csvRow(&r, c.Plans[i].Name, &cell, c.Footnotes)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func csvRow(r *Row, plan string, c *Cell, footnotes []string) []string {
	unit := r.Base
	if c.Unit != "" {
		unit = c.Unit
	}
	fields := []string{r.Job, r.Metric, unit, plan}
	if c.Date != nil {
		fields = append(fields, c.Date.Mean, c.Date.P10, c.Date.P50, c.Date.P90)
	} else {
		fields = append(fields, number(c.Stat.Mean), number(c.Stat.P10), number(c.Stat.P50), number(c.Stat.P90))
	}
	if c.Bound {
		fields = append(fields, number(c.AtLeast))
	} else {
		fields = append(fields, "")
	}
	if d := c.Difference; d != nil {
		low, high := "", ""
		if d.Interval {
			low, high = number(d.Low), number(d.High)
		}
		fields = append(fields, number(d.Mean), low, high, strconv.FormatBool(d.Paired), strconv.Itoa(d.MoreReplicas))
	} else {
		fields = append(fields, "", "", "", "", "")
	}
	var notes []string
	for _, n := range c.Notes {
		notes = append(notes, footnotes[n-1])
	}
	return append(fields, strings.Join(notes, "; "))
}

// number is the shortest text that reads back as v; empty where there is no value.
func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+")
}

// WriteJSON writes the comparison as one JSON document, numbers in base units.
func (c *Comparison) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(c)
}
