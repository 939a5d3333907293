// Package job is the life of a training run: queued, starting, training with
// checkpoints, stopped by a failure, restarted, finished.
package job

import (
	"clustercap/sim/dist"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Spec is one training run.
type Spec struct {
	Name   string
	Model  model.Model
	Tokens unit.Tokens
	// Sizes are the chip counts that the job may run on, ascending. It takes
	// the largest that is free and grows when a larger one becomes free.
	Sizes []int
	// Layout is fixed, or nil for the fastest one that fits each size.
	Layout *step.Layout
	// Workload is the model, sequence length, global batch and precision.
	Workload step.Workload
	// Submit is when the job enters the queue, since the scenario's start.
	Submit unit.Duration
	// Priority orders the queue, highest first; equals keep file order.
	Priority int

	Checkpoint Checkpoint
	// Restart is the time from detection until training goes on: scheduling,
	// communicator set-up, checkpoint load.
	Restart dist.Duration
	// Resize is the shortest time between two voluntary changes of size.
	Resize unit.Duration
}

// Checkpoint says how the state is saved.
type Checkpoint struct {
	// Interval of training between two checkpoints; 0 takes Daly's optimum
	// for the job's size and failure rate.
	Interval unit.Duration
	// Blocking is how long training stops for one checkpoint.
	Blocking unit.Duration
	// Background is how long after that the checkpoint becomes durable.
	Background unit.Duration
}
