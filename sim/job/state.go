package job

import "clustercap/sim/unit"

// Phase is where a job is in its life.
type Phase uint8

// The phases. A failure takes Starting, Training and Paused to Detecting.
const (
	Absent    Phase = iota // not submitted yet
	Queued                 // holds nothing
	Starting               // holds its servers, loads a checkpoint
	Training               // makes progress
	Paused                 // ready to train, but the site lacks the power
	Detecting              // stopped, nobody knows yet
	Waiting                // stopped, lacks servers
	Finished
	NumPhases
)

// Holds reports whether a job in this phase holds servers.
func (p Phase) Holds() bool { return p >= Starting && p <= Waiting }

// ShrinkPays reports whether a job that lacks servers does better to restart on the
// next smaller size than to wait. Waiting loses the whole wait. Shrinking loses the
// speed above ratio (smaller over present, in tokens per second) for at least
// resize, and a second restart to grow back.
func ShrinkPays(wait, resize, restart unit.Duration, ratio float64) bool {
	return wait > resize*unit.Duration(1-ratio)+restart
}

// GrowthPays reports whether a job that would still train for remaining at its
// present size gains by growing: the time saved must exceed the pause. Ratio is
// the present speed over the larger size's.
func GrowthPays(remaining, pause unit.Duration, ratio float64) bool {
	return remaining*unit.Duration(1-ratio) > pause
}
