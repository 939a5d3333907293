package sim

import (
	"fmt"

	"clustercap/sim/cost"
	"clustercap/sim/des"
	"clustercap/sim/fleet"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// bins samples the calendar. What a column shows is the difference of an integral
// between the ends of a bin, over the bin's length.
type bins struct {
	samples [][]float64
	next    int
	from    des.Time

	onSite, inService int64 // server x ms at the last end
	dark              int64 // the same on site without power
	repair, free      int64
	queued            int64
	swaps             int
	productive        float64
	siteEnergy        float64    // joules at the meter
	draw              power.Draw // joules
	overhead          power.Overhead
	wetBulb           float64 // kelvin-seconds above 0 C at the last end
	energy            float64 // joules in all bins
	spent, water      float64 // money for energy, and litres, at the last end
	jobs              []jobBin
}

// jobBin is a job at the last end of a bin.
type jobBin struct {
	held   int64
	tokens float64
}

// The columns in the order of siteColumns and jobColumns.
const (
	onSiteColumn = iota
	inServiceColumn
	darkColumn
	productiveColumn
	powerColumn
	peakColumn
	limitColumn
	chipPowerColumn
	serverPowerColumn
	networkPowerColumn
	coolingPowerColumn
	lossPowerColumn
	overheadPowerColumn
	pueColumn
	wetBulbColumn
	repairColumn
	sparesColumn
	sparesUsedColumn
	backlogColumn
	chipCostColumn
	serverCostColumn
	networkCostColumn
	facilityCostColumn
	energyCostColumn
	operationCostColumn
)

const (
	chipsColumn = iota
	rateColumn
	tokensColumn
)

// reset makes room for the samples, which go to the result.
func (b *bins) reset(n, jobs int) {
	columns := len(siteColumns) + jobs*len(jobColumns)
	all := make([]float64, columns*n)
	samples := make([][]float64, columns)
	for c := range samples {
		samples[c] = all[c*n : (c+1)*n : (c+1)*n]
	}
	previous := b.jobs
	if cap(previous) < jobs {
		previous = make([]jobBin, jobs)
	}
	previous = previous[:jobs]
	clear(previous)
	*b = bins{samples: samples, jobs: previous}
}

// job is a column of a job.
func (b *bins) job(i, column int) []float64 {
	return b.samples[len(siteColumns)+i*len(jobColumns)+column]
}

// observe closes a bin of the calendar.
func (w *World) observe() {
	w.site.advance(w.now)
	b := &w.bins
	n, ms := b.next, float64(w.now-b.from)
	cps := float64(w.plan.Fleet.ChipsPerServer)
	productive := 0.0
	for i := range w.jobs {
		w.settle(i)
		books, last := &w.jobs[i].books, &b.jobs[i]
		productive += books.productive
		b.job(i, chipsColumn)[n] = float64(books.held-last.held) * cps / ms
		b.job(i, rateColumn)[n] = (books.tokens - last.tokens) / ms * 1000
		b.job(i, tokensColumn)[n] = max(min(books.tokens, w.jobs[i].tokens), 0)
		*last = jobBin{books.held, books.tokens}
	}
	inService := w.fleet.Integral(fleet.Free) + w.fleet.Integral(fleet.Held)
	onSite := inService
	dark := w.fleet.Integral(fleet.Unpowered) + w.fleet.Integral(fleet.Dark)
	onSite += dark + w.fleet.Integral(fleet.Commissioning) + w.fleet.Integral(fleet.Returned) + w.fleet.Integral(fleet.Cold)
	for _, st := range outOfService {
		onSite += w.fleet.Integral(st)
	}
	repair, free := w.fleet.Integral(fleet.Repair), w.fleet.Integral(fleet.Free)
	b.samples[repairColumn][n] = float64(repair-b.repair) / ms
	b.samples[sparesColumn][n] = float64(free-b.free) / ms
	b.samples[sparesUsedColumn][n] = float64(w.swaps-b.swaps) / (ms / 86_400_000)
	b.samples[backlogColumn][n] = float64(w.queued-b.queued) / ms
	b.repair, b.free, b.swaps, b.queued = repair, free, w.swaps, w.queued
	energy := w.site.atMeter()
	b.samples[onSiteColumn][n] = float64(onSite-b.onSite) * cps / ms
	b.samples[darkColumn][n] = float64(dark-b.dark) * cps / ms
	b.samples[inServiceColumn][n] = float64(inService-b.inService) * cps / ms
	b.samples[productiveColumn][n] = (productive - b.productive) / ms * 1000
	b.samples[powerColumn][n] = (energy - b.siteEnergy) / ms * 1000 / 1e6
	b.samples[peakColumn][n] = w.site.binHighest / 1e6
	b.samples[limitColumn][n] = w.site.supply.firm() / 1e6
	b.consumers(n, ms, &w.site)
	// The phase that draws most is computed apart from the energy drawn.
	if most := w.site.binHighest * ms / 1000; energy-b.siteEnergy > most+auditTolerance*energy && w.fault == nil {
		w.fault = fmt.Errorf("the site drew %s in the bin that ends on day %.3f; at its peak it would have drawn %s", unit.Format(unit.Energy(energy-b.siteEnergy)), days(w.now), unit.Format(unit.Energy(most)))
	}
	b.energy += energy - b.siteEnergy
	w.money.byBin[cost.Energy][n] = w.site.all.spent - b.spent
	w.money.byBin[cost.Water][n] = w.waterCost(w.site.all.water - b.water)
	b.spent, b.water = w.site.all.spent, w.site.all.water
	b.onSite, b.inService, b.productive, b.siteEnergy = onSite, inService, productive, energy
	// What the hour reached before counts no longer; the end of the instant regulates.
	w.site.binHighest = 0
	w.site.relimited()
	b.dark = dark
	if w.fleet.Count(fleet.Unpowered) > 0 { // a cooler day may leave power for more
		w.energise(0)
		w.forgo()
	}
	b.from = w.now
	b.next++
	if b.next < len(w.pre.bins)-1 {
		w.queue.Push(event(w.pre.bins[b.next], kindObserve, 0, 0))
	}
}

// consumers samples the site's mean power by what draws it, what that makes the PUE
// (NaN where no IT equipment draws), and the weather.
func (b *bins) consumers(n int, ms float64, s *site) {
	megawatts := func(joules float64) float64 { return joules / ms * 1000 / 1e6 }
	b.samples[chipPowerColumn][n] = megawatts(s.energy.Chips - b.draw.Chips)
	b.samples[serverPowerColumn][n] = megawatts(s.energy.Servers - b.draw.Servers)
	b.samples[networkPowerColumn][n] = megawatts(s.energy.Network - b.draw.Network)
	b.samples[coolingPowerColumn][n] = megawatts(s.overhead.Cooling - b.overhead.Cooling)
	b.samples[lossPowerColumn][n] = megawatts(s.overhead.Losses - b.overhead.Losses)
	b.samples[overheadPowerColumn][n] = megawatts(s.overhead.Unsplit - b.overhead.Unsplit)
	it := s.energy.Sum() - b.draw.Sum()
	b.samples[pueColumn][n] = (it + s.overhead.Sum() - b.overhead.Sum()) / it
	b.samples[wetBulbColumn][n] = (s.wetBulb - b.wetBulb) / ms * 1000
	b.draw, b.overhead, b.wetBulb = s.energy, s.overhead, s.wetBulb
}
