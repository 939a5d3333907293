package sim

import (
	"fmt"

	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// queueBooks are the server-milliseconds of the fleet by status while a job queues.
type queueBooks [fleet.NumStatus]int64

// enqueue puts a submitted job into the queue.
func (w *World) enqueue(i int) {
	j := &w.jobs[i]
	w.site.advance(w.now)
	j.phase = job.Queued
	j.since, j.added, j.perWatt = w.now, w.site.added, w.site.perWatt
	w.bookQueue(j, -1)
	w.vacant = true
}

// bookQueue adds the fleet's integrals with a sign: -1 when a job enters the queue,
// 1 when it leaves.
func (w *World) bookQueue(j *trainee, sign int64) {
	for st := range j.books.queue {
		j.books.queue[st] += sign * w.fleet.Integral(fleet.Status(st))
	}
}

// blocked says what a job that never trained waited for longest; nothing for one
// that did. The books are closed.
func (w *World) blocked(i int) string {
	j := &w.jobs[i]
	b := &j.books
	if b.trained > 0 {
		return ""
	}
	longest := job.Queued
	for p := job.Queued; p <= job.Waiting; p++ {
		if b.wall[p] > b.wall[longest] {
			longest = p
		}
	}
	switch {
	case j.phase == job.Absent:
		return fmt.Sprintf("it is submitted on day %.4g, the calendar ends on day %.4g", float64(j.spec.Submit/unit.Day), days(w.pre.horizon))
	case longest == job.Queued:
		return fmt.Sprintf("it queues for %d servers: those it lacks are mostly %s", j.options[0].servers, w.unavailable(b))
	case longest == job.Starting:
		return "its first start takes longer than the calendar or the failures leave"
	case longest == job.Paused && w.plan.Site.Policy.Names(power.Stagger):
		return "the site's power limit is too low for it to train beside the jobs before it: site.policy staggers starts"
	case longest == job.Paused:
		return "the site's power limit is too low for it to train"
	case longest == job.Detecting:
		return "failures stop it before its first step and are noticed late"
	default:
		return "it waits for servers to replace those that failed before its first step"
	}
}

// unavailable is where the servers were that a job queued for: the status that held
// the most of them over that time.
func (w *World) unavailable(b *jobBooks) string {
	absent := int64(w.plan.Fleet.Servers()) * int64(b.wall[job.Queued])
	for st := fleet.Commissioning; st < fleet.NumStatus; st++ {
		absent -= b.queue[st]
	}
	spares := int64(float64(w.plan.Fleet.Spares) * float64(b.queue[fleet.Free]+b.queue[fleet.Held]))
	where, most := "not delivered yet", absent
	for _, c := range [...]struct {
		where string
		hours int64
	}{
		{"in commissioning", b.queue[fleet.Commissioning]},
		{"rejected and with the vendor", b.queue[fleet.Returned]},
		{"waiting for power", b.queue[fleet.Unpowered]},
		{"switched off for want of power", b.queue[fleet.Dark]},
		{"in repair", b.queue[fleet.Repair]},
		{"held by other jobs", b.queue[fleet.Held]},
		{"in the pool of cold spares", b.queue[fleet.Cold]},
		{"kept as spares", min(spares, b.queue[fleet.Free])},
	} {
		if c.hours > most {
			where, most = c.where, c.hours
		}
	}
	return where
}
