package resulttest

import (
	"math"

	"clustercap/sim/result"
)

// cause is a made-up cause of failure with its share of all interruptions.
type cause struct {
	name  string
	share float64
}

func causes() []cause {
	return []cause{{"gpu", 0.4}, {"hbm", 0.2}, {"software", 0.18}, {"switch-or-cable", 0.12}, {"nic", 0.06}, {"cooling-loop", 0.04}, {"planned", 0}}
}

// modes are delivered speeds by mode of recovery: ever less of what failures cost.
func modes(speed float64, chips int) map[string]float64 {
	out := map[string]float64{}
	for mode, part := range map[string]float64{"restart": 1, "swap": 0.45, "shrink": 0.35, "in-place": 0.2} {
		out[mode] = speed * goodput(chips, 1.5*part)
	}
	return out
}

// checkpointCurve has its optimum at Young's interval for a write of 10 s.
func checkpointCurve(j *result.Job) result.CheckpointCurve {
	chips := j.Chips[len(j.Chips)-1]
	mttf := 2000.0 * 86400 / float64(chips) / 1.5
	best := math.Sqrt(2 * 10 * mttf)
	of := func(s float64) float64 { return math.Max(1-10/s-s/2/mttf-600/mttf, 0.05) }
	c := result.CheckpointCurve{Job: j.Name, Chips: chips, BestSeconds: best, BestGoodput: of(best), ChosenSeconds: 1.4 * best, ChosenGoodput: of(1.4 * best), ToStore: 1}
	for k := -10; k <= 10; k++ {
		s := best * math.Pow(10, float64(k)/8)
		c.Seconds, c.Goodput = append(c.Seconds, s), append(c.Goodput, of(s))
	}
	return c
}

// closeReliability divides interruptions and lost hours by cause and by reason.
func closeReliability(r *result.Run) {
	var interruptions, lost float64
	for k := range r.Jobs {
		j := &r.Jobs[k]
		interruptions += j.Interruptions
		lost += j.LostHours
		j.ETTR, j.MTTFHours = j.Goodput, math.NaN()
		if j.Interruptions > 0 {
			j.MTTFHours = (j.TrainingDays*24 - j.LostHours) / j.Interruptions
		}
		j.LostBy = [result.NumReasons]float64{0.35 * j.LostHours, 0.15 * j.LostHours, 0.1 * j.LostHours, 0.4 * j.LostHours}
	}
	for _, c := range causes() {
		r.Causes = append(r.Causes, result.CauseRun{Failures: 1.2 * c.share * interruptions, Interruptions: c.share * interruptions, LostHours: c.share * lost})
	}
	s := &r.Site
	s.Failures, s.SparesUsed, s.Availability, s.ServersInRepair = 1.2*interruptions, 0.8*interruptions, 0.99, 24.5
	s.Evicted, s.Misdiagnosed, s.Retired, s.Absorbed, s.LemonFailures = 0.1*interruptions, 0.05*interruptions, 3, 2, 0.2*interruptions
}
