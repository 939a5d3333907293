package compare

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Difference of a plan's mean to that of the first plan, in base units, with a
// two-sided 95 % confidence interval.
type Difference struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Paired is true under common random numbers: replica i of both plans drew
	// from the same streams, and the interval is that of the paired t-test. Else it
	// is Welch's, for independent samples.
	Paired bool `json:"paired"`
	// Interval is false where there are too few replicas for one.
	Interval bool `json:"interval"`
	// Same is true where the two plans agree in every replica, but for rounding.
	Same bool `json:"same"`
	// MoreReplicas of each plan would make the interval exclude zero, if mean and
	// spread stay as they are; 0 where it does so already.
	MoreReplicas int `json:"more_replicas"`
}

// Noise reports whether the difference may be chance.
func (d Difference) Noise() bool { return d.Interval && !d.Same && d.Low <= 0 && d.High >= 0 }

// confidence of the intervals.
const confidence = 0.95

// mostReplicas bounds the search for the number that would settle a difference;
// beyond it the two plans are as good as equal.
const mostReplicas = 100_000

// rounding is the share of two values below which their difference is that of sums in
// another order: 1e-16 for each of at most a million terms, with a margin of ten.
const rounding = 1e-9

// less is b - a, 0 where that is rounding.
func less(b, a float64) float64 {
	if d := b - a; !(math.Abs(d) <= rounding*math.Max(math.Abs(a), math.Abs(b))) || math.IsInf(d, 0) {
		return d
	}
	return 0
}

// pairedDifference is b - a, replica by replica. It returns false where a replica
// has no finite value.
func pairedDifference(a, b []float64) (Difference, bool) {
	diffs := make([]float64, len(a))
	same := true
	for i := range a {
		diffs[i] = less(b[i], a[i])
		if math.IsNaN(diffs[i]) || math.IsInf(diffs[i], 0) {
			return Difference{}, false
		}
		same = same && diffs[i] == 0
	}
	if len(diffs) == 0 {
		return Difference{}, false
	}
	n := float64(len(diffs))
	if n < 2 {
		return Difference{Mean: diffs[0], Low: diffs[0], High: diffs[0], Paired: true, Same: same}, true
	}
	mean, sd := stat.MeanStdDev(diffs, nil)
	d := interval(mean, sd/math.Sqrt(n), n-1)
	d.Paired, d.Same = true, same
	if d.Noise() {
		d.MoreReplicas = settle(len(diffs), mean, func(n float64) (se, df float64) { return sd / math.Sqrt(n), n - 1 })
	}
	return d, true
}

// welchDifference is mean(b) - mean(a) of independent samples, with Welch's
// approximation of the degrees of freedom (Biometrika 34, 1947).
func welchDifference(a, b []float64) (Difference, bool) {
	for _, v := range append(append([]float64(nil), a...), b...) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Difference{}, false
		}
	}
	if len(a) == 0 || len(b) == 0 {
		return Difference{}, false
	}
	mean := less(stat.Mean(b, nil), stat.Mean(a, nil))
	if len(a) < 2 || len(b) < 2 {
		return Difference{Mean: mean, Low: mean, High: mean, Same: mean == 0}, true
	}
	va, vb := stat.Variance(a, nil), stat.Variance(b, nil)
	spread := func(na, nb float64) (se, df float64) {
		ea, eb := va/na, vb/nb
		if ea+eb == 0 {
			return 0, na + nb - 2
		}
		return math.Sqrt(ea + eb), (ea + eb) * (ea + eb) / (ea*ea/(na-1) + eb*eb/(nb-1))
	}
	na, nb := float64(len(a)), float64(len(b))
	se, df := spread(na, nb)
	d := interval(mean, se, df)
	d.Same = mean == 0 && se <= rounding*math.Abs(stat.Mean(a, nil))
	if d.Noise() {
		d.MoreReplicas = settle(min(len(a), len(b)), mean, func(n float64) (float64, float64) {
			more := n - min(na, nb)
			return spread(na+more, nb+more)
		})
	}
	return d, true
}

func interval(mean, se, df float64) Difference {
	half := tQuantile(df) * se
	return Difference{Mean: mean, Low: mean - half, High: mean + half, Interval: true}
}

// tQuantile is the two-sided quantile of Student's t at the confidence level.
func tQuantile(df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(1 - (1-confidence)/2)
}

// settle finds how many more than have replicas make the interval exclude zero,
// capped at mostReplicas.
func settle(have int, mean float64, errorAt func(n float64) (se, df float64)) int {
	excludes := func(n int) bool {
		se, df := errorAt(float64(n))
		return tQuantile(df)*se < math.Abs(mean)
	}
	low, high := have, have
	for !excludes(high) {
		low, high = high, 2*high
		if high > mostReplicas {
			return mostReplicas
		}
	}
	for high-low > 1 {
		if mid := (low + high) / 2; excludes(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high - have
}
