package backtest

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Summary is what a backtest says of the model as a whole.
type Summary struct {
	// Groups: all rows, the complete ones, these by dense and mixture models, then
	// every family, then every chip and precision.
	Groups []Group `json:"groups"`
	// Series are weak-scaling series: one configuration on ever more chips.
	Series []Series `json:"series"`
	// Rankings are sets of layouts of one workload on one cluster.
	Rankings []Ranking `json:"rankings"`
	// Memory is the errors of peak memory per chip, by family, where it is printed.
	Memory []Group `json:"memory,omitempty"`
	// Validation is the errors on rows left out of a fit; absent for a single
	// configuration.
	Validation *Validation `json:"validation,omitempty"`
	// Skipped counts rows by why they could not be compared, most first.
	Skipped []Reason `json:"skipped"`
	// Doubtful is how many rows were simulated and cannot have run as printed, Doubts
	// counts them by what is wrong, in the order of the rows.
	Doubtful int      `json:"doubtful"`
	Doubts   []Reason `json:"doubts,omitempty"`
}

// Group is the errors of some rows. Shares are of 1.
type Group struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // all, complete, family, chip, memory
	// Rows in the group, Simulated of them compared with a measurement.
	Rows      int `json:"rows"`
	Simulated int `json:"simulated"`
	// MAPE is the mean absolute error, Bias the mean error, Median the median
	// absolute error; Worst the error farthest from 0 and WorstID its row.
	MAPE    float64 `json:"mape"`
	Bias    float64 `json:"bias"`
	Median  float64 `json:"median"`
	Worst   float64 `json:"worst"`
	WorstID string  `json:"worst_id"`
	// Within20 is the share of simulated rows off by at most 20 %.
	Within20 float64 `json:"within_20"`
	// Spearman is the rank correlation of predicted and measured model FLOP/s per
	// chip; nil below three rows or where all are equal.
	Spearman *float64 `json:"spearman,omitempty"`
}

// SimulatedShare is the share of rows that were simulated.
func (g *Group) SimulatedShare() float64 {
	if g.Rows == 0 {
		return 0
	}
	return float64(g.Simulated) / float64(g.Rows)
}

// Reason counts rows skipped or doubted for it.
type Reason struct {
	Text string `json:"reason"`
	Rows int    `json:"rows"`
}

func summarise(rows []Row) Summary {
	var s Summary
	group := func(kind, name string, in func(*Row) bool) {
		var some []*Row
		for i := range rows {
			if in(&rows[i]) {
				some = append(some, &rows[i])
			}
		}
		if len(some) > 0 {
			s.Groups = append(s.Groups, groupOf(kind, name, some))
		}
	}
	group("all", "all", func(*Row) bool { return true })
	group("complete", "complete", func(r *Row) bool { return r.Case.Complete })
	group("complete", "complete, dense", func(r *Row) bool { return r.Case.Complete && !r.mixture() })
	group("complete", "complete, experts", func(r *Row) bool { return r.Case.Complete && r.mixture() })
	every := make([]*Row, len(rows))
	for i := range rows {
		every[i] = &rows[i]
	}
	for _, some := range parted(every, func(r *Row) string { return r.Family }) {
		s.Groups = append(s.Groups, groupOf("family", some[0].Family, some))
	}
	for _, some := range parted(every, chipPrecision) {
		s.Groups = append(s.Groups, groupOf("chip", chipPrecision(some[0]), some))
	}
	s.Series = seriesOf(rows)
	s.Rankings = rankingsOf(rows)
	s.Memory = memoryOf(rows)
	s.Skipped = reasons(rows)
	s.Doubtful, s.Doubts = doubtsOf(rows)
	return s
}

func chipPrecision(r *Row) string {
	if r.Case.Precision == "" {
		return r.Case.Chip
	}
	return r.Case.Chip + " " + r.Case.Precision
}

// pair is a predicted and a measured figure of a row.
type pair struct {
	id                  string
	predicted, measured float64
}

// groupOf sums up the step times of rows. Correlated are speeds per chip: times
// would rank large models above small ones whatever the prediction.
func groupOf(kind, name string, rows []*Row) Group {
	var times []pair
	var predicted, measured []float64
	for _, r := range rows {
		if r.Error == nil {
			continue
		}
		times = append(times, pair{r.ID, r.Predicted, r.Measured})
		predicted = append(predicted, r.flopsPerSecond(r.Predicted))
		measured = append(measured, r.flopsPerSecond(r.Measured))
	}
	g := errorsOf(kind, name, times)
	g.Rows = len(rows)
	g.Spearman = spearman(predicted, measured)
	return g
}

// errorsOf sums up the errors of pairs.
func errorsOf(kind, name string, pairs []pair) Group {
	g := Group{Name: name, Kind: kind, Rows: len(pairs), Simulated: len(pairs)}
	if len(pairs) == 0 {
		return g
	}
	var sizes []float64
	for _, p := range pairs {
		e := p.predicted/p.measured - 1
		g.MAPE += math.Abs(e)
		g.Bias += e
		if math.Abs(e) > math.Abs(g.Worst) {
			g.Worst, g.WorstID = e, p.id
		}
		if math.Abs(e) <= 0.20 {
			g.Within20++
		}
		sizes = append(sizes, math.Abs(e))
	}
	n := float64(len(pairs))
	g.MAPE, g.Bias, g.Within20 = g.MAPE/n, g.Bias/n, g.Within20/n
	slices.Sort(sizes)
	g.Median = (sizes[(len(sizes)-1)/2] + sizes[len(sizes)/2]) / 2
	return g
}

// allocatorReadings is the framework whose memory is what PyTorch's allocator reserved:
// the driver's and communicators' own is not in it. Others read the driver's total.
const allocatorReadings = "torchtitan"

// predictedMemory is the part of a row's predicted memory that its source measured.
func (r *Row) predictedMemory() float64 {
	if r.Case.origin().framework == allocatorReadings {
		return float64(r.Config.Machine.Tensors(&r.Step))
	}
	return float64(r.Step.Memory.Total())
}

// memoryOf compares peak memory where a row prints it.
func memoryOf(rows []Row) []Group {
	var out []Group
	for _, some := range parted(simulated(rows), func(r *Row) string { return r.Family }) {
		var pairs []pair
		for _, r := range some {
			if m := r.Case.Memory(); m > 0 {
				pairs = append(pairs, pair{r.ID, r.predictedMemory(), float64(m)})
			}
		}
		if len(pairs) > 0 {
			out = append(out, errorsOf("memory", some[0].Family, pairs))
		}
	}
	return out
}

// spearman is the rank correlation of two lists, ties at their mean rank; nil below
// three pairs or where one list is constant.
func spearman(x, y []float64) *float64 {
	if len(x) < 3 {
		return nil
	}
	rho := stat.Correlation(ranks(x), ranks(y), nil)
	if math.IsNaN(rho) {
		return nil
	}
	return &rho
}

// ranks are the positions of values in ascending order, from 1, ties at their mean.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	out := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			out[k] = float64(i+j+1) / 2
		}
		i = j
	}
	return out
}

func reasons(rows []Row) []Reason {
	var skipped []*Row
	for i := range rows {
		if rows[i].Skipped != "" {
			skipped = append(skipped, &rows[i])
		}
	}
	out := []Reason{}
	for _, some := range parted(skipped, func(r *Row) string { return r.Skipped }) {
		out = append(out, Reason{some[0].Skipped, len(some)})
	}
	slices.SortStableFunc(out, func(a, b Reason) int { return cmp.Compare(b.Rows, a.Rows) })
	return out
}

// doubtsOf counts the rows with doubts, and each doubt.
func doubtsOf(rows []Row) (doubtful int, out []Reason) {
	at := map[string]int{}
	for i := range rows {
		if len(rows[i].Doubts) > 0 {
			doubtful++
		}
		for _, text := range rows[i].Doubts {
			k, known := at[text]
			if !known {
				k = len(out)
				at[text] = k
				out = append(out, Reason{Text: text})
			}
			out[k].Rows++
		}
	}
	return doubtful, out
}
