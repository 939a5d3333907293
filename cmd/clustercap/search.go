package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim/compare"
	"clustercap/sim/search"
	"clustercap/sim/step"
)

// maxTop bounds how many layouts are listed.
const maxTop = 1000

func newSearchCommand(p *program) *cobra.Command {
	var o oneStep
	top := 10
	cmd := &cobra.Command{
		Use:   "search --model M --chip C --chips N [--top K]",
		Short: "Find the best parallel layouts of a model on N chips",
		Long: `Prices every way to divide a training step over the chips that fits in memory, and
lists the fastest with what each loses to the best one. A layout may leave chips idle
where more of them would not be faster.`,
		Example: "  clustercap search --model llama3-405b --chip h100-sxm --chips 16384 --top 5",
		Args:    arguments(0, 0, "flags only"),
	}
	o.addFlags(cmd)
	cmd.Flags().Var(&count{&top, top, maxTop}, "top", "list the best `K` layouts")
	format := addChoice(cmd, "format", "how to print", formatText, formatJSON, formatCSV, formatMarkdown)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		w, m, changes, err := o.resolve(cmd)
		if err != nil {
			return err
		}
		best, err := search.Best(&w, &m, o.chips, top)
		if err != nil {
			return cannot(err, "", "%s on %s %s: %v", w.Model.Name, grouped(float64(o.chips)), m.Chip.Name, err)
		}
		text, err := searchText(best, format.value)
		if err != nil {
			return err
		}
		p.sayChanges(changes)
		return p.printed(text)
	}
	return cmd
}

// foundLayout is one row of the search as JSON.
type foundLayout struct {
	Layout          string             `json:"layout"`
	Chips           int                `json:"chips"`
	StepSeconds     float64            `json:"step_seconds"`
	TokensPerSecond float64            `json:"tokens_per_second"`
	MFU             float64            `json:"mfu"`
	MemoryBytes     float64            `json:"memory_bytes"`
	SlowerBy        float64            `json:"slower_by"` // share of the best's time
	PartsSeconds    map[string]float64 `json:"parts_seconds"`
}

func searchText(best []step.Step, format string) (string, error) {
	first := &best[0]
	var rows []foundLayout
	for i := range best {
		s := &best[i]
		rows = append(rows, foundLayout{
			Layout: s.Layout.String(), Chips: s.Layout.Chips(), StepSeconds: float64(s.Time),
			TokensPerSecond: tokensPerSecond(s), MFU: float64(s.MFU), MemoryBytes: float64(s.Memory.Total()),
			SlowerBy: float64(s.Time/first.Time) - 1, PartsSeconds: partsJSON(s),
		})
	}
	switch format {
	case formatJSON:
		return jsonText(rows)
	case formatCSV:
		return searchCSV(rows, best).render(format), nil
	}
	scale := compare.ScaleOf("tokens/s", rows[0].TokensPerSecond)
	g := &grid{head: []string{"layout", "chips", scale.Unit, "MFU", "GiB", "slower", "because of"}, left: []int{6}}
	for i, r := range rows {
		slower := "-"
		if i > 0 {
			slower = percent(r.SlowerBy)
		}
		layout, more := r.Layout, []string(nil)
		if format == formatText {
			layout, more = folded(r.Layout, widestLayout)
		}
		g.add(layout, grouped(float64(r.Chips)), scale.Number(r.TokensPerSecond), percent(r.MFU),
			figure(r.MemoryBytes/gib), slower, loss(first, &best[i]))
		for _, line := range more {
			g.add(line, "", "", "", "", "", "")
		}
	}
	return g.render(format), nil
}

// searchCSV has every layout's figures as plain numbers, the unit in the name of each.
func searchCSV(rows []foundLayout, best []step.Step) *grid {
	g := &grid{head: []string{"layout", "chips", "step_s", "tokens_per_s", "mfu", "memory_bytes", "slower_by"}}
	for _, p := range partsOf(step.Parts{}) {
		g.head = append(g.head, p.name+"_s")
	}
	number := func(v float64) string { return fmt.Sprintf("%.6g", v) }
	for i, r := range rows {
		cells := []string{
			r.Layout, strconv.Itoa(r.Chips), number(r.StepSeconds), number(r.TokensPerSecond),
			number(r.MFU), number(r.MemoryBytes), number(r.SlowerBy),
		}
		for _, p := range partsOf(best[i].Parts) {
			cells = append(cells, number(p.seconds))
		}
		g.add(cells...)
	}
	return g
}

// widestLayout is how many columns of a terminal a layout may take.
const widestLayout = 36

// folded breaks a list after commas so that no line is wider than width.
func folded(list string, width int) (first string, more []string) {
	lines := []string{""}
	for item := range strings.SplitSeq(strings.ReplaceAll(list, ",", ",\x00"), "\x00") {
		last := &lines[len(lines)-1]
		if *last != "" && len(*last)+len(item) > width {
			lines = append(lines, "  "+item)
			continue
		}
		*last += item
	}
	return lines[0], lines[1:]
}

func partsJSON(s *step.Step) map[string]float64 {
	parts := make(map[string]float64)
	for _, p := range partsOf(s.Parts) {
		parts[p.name] = p.seconds
	}
	return parts
}

// loss names the parts that cost a layout most against the best one, as shares of
// the best one's time; those below a thousandth are noise to a reader.
func loss(best, s *step.Step) string {
	const worthNaming, named = 0.001, 2
	theirs := partsOf(best.Parts)
	worse := partsOf(s.Parts)
	for i := range worse {
		worse[i].seconds = (worse[i].seconds - theirs[i].seconds) / float64(best.Time)
	}
	slices.SortStableFunc(worse, func(a, b part) int {
		switch {
		case a.seconds > b.seconds:
			return -1
		case a.seconds < b.seconds:
			return 1
		}
		return 0
	})
	var words []string
	for _, p := range worse[:named] {
		if p.seconds >= worthNaming {
			words = append(words, fmt.Sprintf("%s +%s", p.label, percent(p.seconds)))
		}
	}
	return strings.Join(words, ", ")
}
