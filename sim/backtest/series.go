package backtest

import (
	"fmt"
	"slices"
)

// Series is one configuration on ever more chips, its batch growing with them.
type Series struct {
	Name     string `json:"name"`
	Smallest int    `json:"smallest"` // chips
	Largest  int    `json:"largest"`
	// Measured and Predicted are the loss of speed per chip from the smallest to the
	// largest, as shares: negative where the largest is faster.
	Measured  float64 `json:"measured_loss"`
	Predicted float64 `json:"predicted_loss"`
}

// Ranking is a set of layouts of one workload on one cluster.
type Ranking struct {
	Name    string `json:"name"`
	Layouts int    `json:"layouts"`
	// Spearman is the rank correlation of predicted and measured speed.
	Spearman float64 `json:"spearman"`
}

// leastGrowth is how many times more chips the largest run of a series has: below,
// what scale costs drowns in the spread between runs of the same configuration.
const leastGrowth = 4

// weakKey names the weak-scaling series of a row.
func weakKey(r *Row) string {
	c := r.Case
	return fmt.Sprintf("%s %s %s %s seq=%d batch/chip=%.6g tp=%d pp=%d vpp=%d cp=%d ep=%d mb=%d zero=%d %s",
		r.Family, c.Model, c.Precision, c.note("sys"), c.Sequence, float64(c.Batch)/float64(c.Chips),
		r.Config.Layout.TP, r.Config.Layout.PP, r.Config.Layout.VPP, r.Config.Layout.CP, r.Config.Layout.EP, c.MicroBatch,
		r.Config.Layout.ZeRO, zeroGroup(c))
}

// zeroGroup is over which chips the optimizer state is sharded, where the notes say.
func zeroGroup(c *Case) string {
	for _, phrase := range []string{"in node", "in-node", "all dp ranks"} {
		if c.says(phrase) {
			return phrase
		}
	}
	return ""
}

func seriesOf(rows []Row) []Series {
	out := []Series{}
	for _, some := range parted(simulated(rows), weakKey) {
		small := slices.MinFunc(some, byChips)
		large := slices.MaxFunc(some, byChips)
		if large.Case.Chips < leastGrowth*small.Case.Chips {
			continue
		}
		loss := func(of func(*Row) float64) float64 { return 1 - of(small)/of(large) }
		c := small.Case
		out = append(out, Series{
			Name:      fmt.Sprintf("%s %s %s %s", small.Family, c.Model, c.Precision, layoutName(small)),
			Smallest:  c.Chips,
			Largest:   large.Case.Chips,
			Measured:  loss(func(r *Row) float64 { return r.Measured }),
			Predicted: loss(func(r *Row) float64 { return r.Predicted }),
		})
	}
	return out
}

// layoutName is a layout without its data-parallel degree, which grows with the chips.
func layoutName(r *Row) string {
	l := r.Config.Layout
	return fmt.Sprintf("tp=%d,pp=%d,cp=%d,ep=%d,seq=%d", l.TP, l.PP, l.CP, l.EP, r.Case.Sequence)
}

func byChips(a, b *Row) int { return a.Case.Chips - b.Case.Chips }

// leastLayouts is how many layouts make a ranking worth a correlation.
const leastLayouts = 8

// workKey names the workload and the cluster of a row.
func workKey(r *Row) string {
	c := r.Case
	return fmt.Sprintf("%s %s %s %d %d %d", r.Family, c.Model, c.Precision, c.Chips, c.Batch, c.Sequence)
}

func rankingsOf(rows []Row) []Ranking {
	out := []Ranking{}
	for _, some := range parted(simulated(rows), workKey) {
		if len(some) < leastLayouts {
			continue
		}
		var predicted, measured []float64
		layouts := map[string]bool{}
		for _, r := range some {
			predicted = append(predicted, r.Predicted)
			measured = append(measured, r.Measured)
			l := r.Config.Layout
			l.LastLayers = 0 // of the model's shape, where one name has several
			layouts[l.String()] = true
		}
		rho := spearman(predicted, measured)
		if rho == nil || len(layouts) < leastLayouts {
			continue
		}
		c := some[0].Case
		out = append(out, Ranking{fmt.Sprintf("%s %s on %d", c.Family, c.Model, c.Chips), len(some), *rho})
	}
	return out
}

// simulated lists the rows that were compared.
func simulated(rows []Row) []*Row {
	var out []*Row
	for i := range rows {
		if rows[i].Error != nil {
			out = append(out, &rows[i])
		}
	}
	return out
}

// parted divides rows by a key, parts and rows in order of appearance.
func parted(rows []*Row, key func(*Row) string) [][]*Row {
	var out [][]*Row
	at := map[string]int{}
	for _, r := range rows {
		k := key(r)
		i, known := at[k]
		if !known {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], r)
	}
	return out
}
