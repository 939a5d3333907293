// Package backtest holds the step model against measured training steps: it reads
// measurements with the configuration that gave them, prices each configuration and
// reports the errors. Calibration fits a chip's efficiency constants to the same
// measurements.
package backtest

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"clustercap/sim/scenario"
	"clustercap/sim/spell"
)

// Case is one measured training step with its configuration. Counts are 0 and texts
// empty where the source prints nothing.
type Case struct {
	Line int // of the file

	Family string `csv:"family"` // source and software release
	ID     string `csv:"id"`
	Source string `csv:"source"`
	// Complete is true where everything that decides the step's time is known.
	Complete bool   `csv:"complete"`
	Year     int    `csv:"year"`
	Chip     string `csv:"chip"`
	Chips    int    `csv:"chips"`

	Model        string  `csv:"model"`
	Params       float64 `csv:"params_b"` // billions
	ActiveParams float64 `csv:"active_params_b"`
	Layers       int     `csv:"layers"`
	Hidden       int     `csv:"hidden"`
	Heads        int     `csv:"heads"`
	KVHeads      int     `csv:"kv_heads"`
	FFN          int     `csv:"ffn"` // per expert in a mixture
	Vocab        int     `csv:"vocab"`
	Sequence     int     `csv:"seq"` // tokens
	Experts      int     `csv:"experts"`
	TopK         int     `csv:"topk"`

	TP  int `csv:"tp"`
	PP  int `csv:"pp"`
	VPP int `csv:"vpp"`
	// LastLayers is the number of layers on the last chunk of the pipeline.
	LastLayers int `csv:"last_layers"`
	DP         int `csv:"dp"`
	CP         int `csv:"cp"`
	EP         int `csv:"ep"`
	// SP is Megatron's sequence parallelism; nil where not printed.
	SP *bool `csv:"sp"`
	// ZeRO stage; nil where not printed.
	ZeRO       *int   `csv:"zero"`
	MicroBatch int    `csv:"micro_batch"`       // sequences per replica; per device on TPUs
	Batch      int    `csv:"global_batch_seqs"` // sequences
	Precision  string `csv:"precision"`
	Recompute  string `csv:"recompute"`

	StepTime        float64 `csv:"step_time_s"`
	TFLOPS          float64 `csv:"tflops_per_chip"`
	MFU             float64 `csv:"mfu_pct"`
	TokensPerSecond float64 `csv:"tokens_per_s"` // of all chips

	// Notes are "key=value;" pairs (sys, flops_def, attention), then text.
	Notes string `csv:"notes"`
}

// Cases are the rows of one file.
type Cases struct {
	Name string // of the file
	List []Case
	// Ignored are columns that mean nothing here.
	Ignored []string
}

// The bounds of a file: far above any collection of measurements.
const (
	maxCaseBytes = 64 << 20
	maxCases     = 200_000
	maxProblems  = 100 // worth printing
)

// ownFamily is the family of rows that name none: the user's own measurements.
const ownFamily = "measured"

// cited are columns that say where a row comes from and decide nothing.
var cited = []string{"source_detail", "confidence"}

// Load reads measurements as CSV with a header; name is the file's, for messages.
// The columns may stand in any order and most may be missing; see Case. The error is
// a *scenario.Problems that lists everything wrong with the file.
func Load(r io.Reader, name string) (*Cases, error) {
	p := &parser{name: name, cases: &Cases{Name: name}, seen: map[string]int{}}
	limited := &io.LimitedReader{R: r, N: maxCaseBytes + 1}
	text := bufio.NewReader(limited)
	switch mark, _ := text.Peek(3); {
	case bytes.Equal(mark, []byte("\ufeff")):
		_, _ = text.Discard(3)
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		p.add(0, 0, "", "is UTF-16", "save it as CSV in UTF-8")
		return nil, &p.problems
	}
	p.csv = csv.NewReader(text)
	p.csv.FieldsPerRecord = -1
	p.read()
	if limited.N == 0 {
		p.problems = scenario.Problems{}
		p.add(0, 0, "", fmt.Sprintf("is larger than %d MB", maxCaseBytes>>20), "split it")
	}
	if len(p.problems.List) > 0 {
		return nil, &p.problems
	}
	return p.cases, nil
}

// parser gathers rows and problems.
type parser struct {
	name     string
	csv      *csv.Reader
	columns  []column
	cases    *Cases
	seen     map[string]int // id -> line
	problems scenario.Problems
}

// column is one column of the file; field is -1 where it means nothing here.
type column struct {
	name  string
	field int
}

func (p *parser) add(line, col int, path, what, hint string) {
	if len(p.problems.List) >= maxProblems {
		p.problems.More++
		return
	}
	p.problems.List = append(p.problems.List, scenario.Problem{File: p.name, Line: line, Col: col, Path: path, What: what, Hint: hint})
}

func (p *parser) read() {
	header, ok := p.record()
	if !ok {
		if len(p.problems.List) == 0 {
			p.add(0, 0, "", "is empty", "write a header such as id,model,chip,chips,seq,global_batch_seqs,step_time_s, then one row per measurement")
		}
		return
	}
	if !p.header(header) {
		return
	}
	for len(p.cases.List) < maxCases {
		record, ok := p.record()
		if !ok {
			break
		}
		p.row(record)
	}
	if len(p.cases.List) == maxCases {
		p.add(0, 0, "", fmt.Sprintf("has more than %d rows", maxCases-1), "split it")
	}
	if len(p.cases.List) == 0 && len(p.problems.List) == 0 {
		p.add(0, 0, "", "has a header and no rows", "write one row per measurement")
	}
}

// record reads one line of cells; false at the end and after a line that is no CSV.
func (p *parser) record() ([]string, bool) {
	record, err := p.csv.Read()
	if err == nil {
		for i, cell := range record {
			record[i] = valid(cell)
		}
		return record, true
	}
	var bad *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
	case errors.As(err, &bad):
		p.add(bad.Line, bad.Column, "", "is not CSV: "+bad.Err.Error(), `put a cell that holds commas or quotes in quotes, and write " inside it twice`)
	default:
		p.add(0, 0, "", "cannot be read: "+err.Error(), "")
	}
	return nil, false
}

// valid is a cell in UTF-8. What is none is taken for Latin-1, in which spreadsheets
// write accents; its control characters stay unknown.
func valid(cell string) string {
	if utf8.ValidString(cell) {
		return cell
	}
	var b strings.Builder
	for len(cell) > 0 {
		r, size := utf8.DecodeRuneInString(cell)
		if c := cell[0]; r == utf8.RuneError && size == 1 && c >= 0xa0 {
			r = rune(c)
		}
		b.WriteRune(r)
		cell = cell[size:]
	}
	return b.String()
}

// header finds the fields of the columns.
func (p *parser) header(cells []string) bool {
	fields := map[string]int{}
	var names []string
	t := reflect.TypeFor[Case]()
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("csv"); name != "" {
			fields[name] = i
			names = append(names, name)
		}
	}
	if len(cells) == 1 && strings.ContainsAny(cells[0], ";\t") {
		p.add(1, 1, "", "has one column", "separate cells by commas, not by semicolons or tabs")
		return false
	}
	for i, cell := range cells {
		cells[i] = strings.ToLower(strings.TrimSpace(cell))
	}
	found := map[string]bool{}
	for i, name := range cells {
		line, col := p.csv.FieldPos(i)
		field, known := fields[name]
		switch {
		case name == "": // spreadsheets write columns that hold nothing
			field = -1
		case found[name]:
			p.add(line, col, name, "is a second column of this name", "keep one")
		case !known:
			field = -1
			if near := spell.Nearest(name, names); near != "" && !slices.Contains(cited, name) && !slices.Contains(cells, near) {
				p.add(line, col, name, "unknown column", fmt.Sprintf("did you mean %q?", near))
			} else if !slices.Contains(cited, name) {
				p.cases.Ignored = append(p.cases.Ignored, name)
			}
		}
		found[name] = true
		p.columns = append(p.columns, column{name, field})
	}
	if !found["chips"] {
		p.add(1, 1, "chips", "is missing", "write the number of chips of each step")
	}
	return len(p.problems.List) == 0
}

// row decodes one line.
func (p *parser) row(cells []string) {
	line, _ := p.csv.FieldPos(0)
	if len(cells) != len(p.columns) {
		p.add(line, 1, "", fmt.Sprintf("has %d cells, the header has %d", len(cells), len(p.columns)), "write an empty cell for what is not known")
		return
	}
	// A file without the column vouches for all of its rows.
	c := Case{Line: line, Complete: !slices.ContainsFunc(p.columns, func(c column) bool { return c.name == "complete" })}
	v := reflect.ValueOf(&c).Elem()
	for i, column := range p.columns {
		text := strings.TrimSpace(cells[i])
		if column.field < 0 || text == "" || blank(column.name, text) {
			continue
		}
		if what, hint := setCell(v.Field(column.field), column.name, text); what != "" {
			line, col := p.csv.FieldPos(i)
			p.add(line, col, column.name, what, hint)
		}
	}
	if c.ID == "" {
		c.ID = "line-" + strconv.Itoa(line)
	}
	if c.Family == "" {
		c.Family = ownFamily
	}
	if before, twice := p.seen[c.ID]; twice {
		p.add(line, 1, "id", fmt.Sprintf("%q is also the row of line %d", excerpt(c.ID), before), "give every row its own id")
	}
	p.seen[c.ID] = line
	p.cases.List = append(p.cases.List, c)
}

// Words that tables write into a cell of which nothing is known. Names and notes are what
// they are, and no recomputation is an answer.
var (
	blanks = []string{"-", "–", "—", "?", "n/a", "na", "n.a.", "nan", "null", "none", "unknown", "tbd"}
	named  = []string{"family", "id", "source", "model", "notes"}
)

func blank(name, text string) bool {
	text = strings.ToLower(text)
	return slices.Contains(blanks, text) && !slices.Contains(named, name) && (name != "recompute" || text != "none")
}

// mostCount bounds every count: more than any cluster has chips or any table rows.
// The price of a step takes time in proportion to layers and stages, and tokens per
// step reach beyond.
const mostCount = 10_000_000

// mayBeZero are counts of which none is an answer; spreadsheets write it for a dense
// model's experts, a plain pipeline's chunks, and degrees that a run does not have.
var mayBeZero = []string{"zero", "experts", "topk", "tp", "pp", "vpp", "last_layers", "dp", "cp", "ep"}

var mostOf = map[string]int64{"layers": 10_000, "seq": 1e9, "global_batch_seqs": 1e9}

// leastFigure and mostFigure bound what is measured and how many billions of parameters
// there are: far beyond any step, and near enough that no ratio of two overflows.
const leastFigure = 1e-6

var mostFigure = map[string]float64{
	"params_b": 1e6, "active_params_b": 1e6,
	"step_time_s": 1e8, "tokens_per_s": 1e15, "tflops_per_chip": 1e6, "mfu_pct": 1e4,
}

// setCell decodes one cell that is not empty, or says what is wrong with it.
func setCell(v reflect.Value, name, text string) (what, hint string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		if label, ok := labels[name]; ok {
			word, known := label.word(text)
			near := spell.Nearest(strings.ToLower(text), label.words)
			switch {
			case known:
				text = word
			case near != "":
				return fmt.Sprintf("%q is not understood", excerpt(text)), fmt.Sprintf("did you mean %q?", near)
			}
			// Another word is the source's own: what it means is assumed.
		}
		v.SetString(text)
	case reflect.Bool:
		yes, known := truths[strings.ToLower(text)]
		if !known {
			return fmt.Sprintf("%q is neither 0 nor 1", excerpt(text)), "write 0 or 1, or leave it empty"
		}
		v.SetBool(yes)
	case reflect.Int:
		if a := stage.FindStringSubmatch(text); name == "zero" && a != nil {
			text = a[1]
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(ungrouped(text), ".0"), 10, 64)
		least, most := int64(1), int64(mostCount)
		if slices.Contains(mayBeZero, name) {
			least = 0
		}
		if m, ok := mostOf[name]; ok {
			most = m
		}
		if err == nil && n > most {
			return fmt.Sprintf("%d is above %d", n, most), "check the digits, or leave it empty"
		}
		if err != nil || n < least {
			return fmt.Sprintf("%q is not a whole number of %d or more", excerpt(text), least), "write digits only, or leave it empty"
		}
		if name == "zero" && n > 3 {
			return fmt.Sprintf("%d is not a ZeRO stage", n), "write 0 to 3 (3: fully sharded)"
		}
		v.SetInt(n)
	case reflect.Float64:
		if oneGroup.MatchString(text) {
			return fmt.Sprintf("%q may be a thousand times as much", excerpt(text)),
				fmt.Sprintf("write %s, or %s", strings.Replace(text, ",", "", 1), strings.Replace(text, ",", ".", 1))
		}
		if name == "mfu_pct" {
			text = strings.TrimSpace(strings.TrimSuffix(text, "%"))
		}
		x, err := strconv.ParseFloat(ungrouped(text), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
			return fmt.Sprintf("%q is not a number above 0", excerpt(text)), "write e.g. 12.5, or leave it empty"
		}
		if x < leastFigure || x > mostFigure[name] {
			return fmt.Sprintf("%s is not from %g to %g", excerpt(text), leastFigure, mostFigure[name]), "check the unit and the digits, or leave it empty"
		}
		v.SetFloat(x)
	}
	return "", ""
}

// truths are the spellings of yes and no, small letters only.
var truths = map[string]bool{"0": false, "1": true, "false": false, "true": true, "no": false, "yes": true}

var (
	// stage is a ZeRO stage with its name before it.
	stage = regexp.MustCompile(`^(?i:zero|stage)[- _]?([0-3])$`)
	// grouped is a number whose digits are grouped by threes.
	grouped = regexp.MustCompile(`^[0-9]{1,3}([,'_ \x{a0}\x{202f}][0-9]{3})+(\.[0-9]+)?$`)
	// oneGroup may as well have a decimal comma.
	oneGroup = regexp.MustCompile(`^[0-9]{1,3},[0-9]{3}$`)
)

// ungrouped is a number without its thousands separators.
func ungrouped(text string) string {
	if !grouped.MatchString(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return -1
	}, text)
}

// excerpt shortens a text for a message.
func excerpt(text string) string {
	const most = 40
	clean := strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(clean); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return clean
}

// note returns the value of a key=value pair of the notes, "" without one.
func (c *Case) note(key string) string {
	for part := range strings.SplitSeq(c.Notes, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok && k == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// says reports whether the notes hold a phrase, whatever its case.
func (c *Case) says(phrase string) bool {
	return strings.Contains(strings.ToLower(c.Notes), phrase)
}
