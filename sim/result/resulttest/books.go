package resulttest

import (
	"math"

	"clustercap/sim/result"
)

// The made-up prices: money per MWh and tonnes of CO2 equivalent per MWh.
const (
	pricePerMWh  = 500
	carbonPerMWh = 0.55
)

// stepShares divide productive time as a step of the dense job would.
func stepShares() map[result.State]float64 {
	return map[result.State]float64{
		result.Productive: 0.66, result.Recompute: 0.06, result.ExposedComm: 0.14,
		result.Bubble: 0.09, result.Straggler: 0.05,
	}
}

// lossShares divide the time that failures take.
func lossShares() map[result.State]float64 {
	return map[result.State]float64{
		result.Checkpoint: 0.06, result.LostWork: 0.34, result.Restart: 0.55, result.Waiting: 0.05,
	}
}

// closeBooks derives what is known only at the end of a replica.
func (p Plan) closeBooks(r *result.Run, all []job) {
	for k := range r.Jobs {
		j := &r.Jobs[k]
		end := float64(p.Days)
		if j.Finished {
			end = j.FinishDays
		}
		life := end - j.StartDays
		switch {
		case !j.Started:
			j.TrainingDays, j.FinishDays = math.Inf(1), math.Inf(1)
			continue
		case j.Finished:
			j.TrainingDays = life
		default:
			rates := r.Samples[perJob+3*k+1]
			var last float64
			for _, v := range rates[max(len(rates)-30, 0):] {
				last += v * 86400 / 30
			}
			j.TrainingDays = life + (all[k].tokens-j.Tokens)/last
			j.FinishDays = j.StartDays + j.TrainingDays
		}
		j.TokensPerSecond = j.Tokens / (life * 86400)
		j.Goodput = 1 - j.LostHours/(life*24)
		j.Cost = j.EnergyMWh * pricePerMWh
	}
	r.Site.MeanPowerMW = r.Site.EnergyMWh / float64(p.Days) / 24
	r.Site.PowerSwingMW = r.Site.PeakPowerMW * 0.35
	r.Site.Cost = r.Site.EnergyMWh * pricePerMWh
	r.Site.CO2t = r.Site.EnergyMWh * carbonPerMWh
	for _, h := range r.ChipHours {
		r.OnSiteChipHours += h
	}
	closeReliability(r)
}

// book files a day's chip-hours: on site = commissioning + repair + idle + busy.
func book(r *result.Run, chips, ready, training, busy float64, throttled bool) {
	const hours = 24
	absent := (chips - ready) * hours
	r.ChipHours[result.Commissioning] += 0.8 * absent
	r.ChipHours[result.Repair] += 0.2 * absent
	r.ChipHours[result.Idle] += (ready - busy) * hours
	if throttled {
		r.ChipHours[result.Throttled] += 0.05 * training * hours
		training *= 0.95
		busy = training + (busy - training/0.95)
	}
	for st, share := range stepShares() {
		r.ChipHours[st] += share * training * hours
	}
	for st, share := range lossShares() {
		r.ChipHours[st] += share * (busy - training) * hours
	}
}
