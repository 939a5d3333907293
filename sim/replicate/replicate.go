// Package replicate runs the replicas of a plan on all cores.
package replicate

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"clustercap/sim"
	"clustercap/sim/result"
)

// Run simulates the plan's replicas on GOMAXPROCS workers and summarises them in
// order of replica, so the result does not depend on how many workers there are.
// Progress, unless nil, is called after each replica, from one goroutine at a time
// but not always the same. The error is the context's, or that of the first replica
// (by number) that failed; the replicas after it may not have run.
func Run(ctx context.Context, pr *sim.Prepared, progress func(done, total int)) (*result.Set, error) {
	n := pr.Plan.Replicas
	runs := make([]*result.Run, n)
	errs := make([]error, n)
	frame := pr.Frame()

	var next, failed atomic.Int64
	var wg sync.WaitGroup
	var reporting sync.Mutex
	done := 0
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			world := pr.NewWorld()
			// A replica that started is finished, so every one below the first
			// failure has run whatever the order of workers.
			for ctx.Err() == nil && failed.Load() == 0 {
				r := int(next.Add(1)) - 1
				if r >= n {
					return
				}
				if runs[r], errs[r] = world.Run(r); errs[r] != nil {
					failed.Add(1)
					return
				}
				if progress != nil {
					reporting.Lock()
					done++
					progress(done, n)
					reporting.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	frame.Scaling = pr.Scaling()
	frame.CapCurves = pr.CapCurves()
	frame.Checkpoints = pr.CheckpointCurves()
	return result.Summarize(frame, runs)
}
