package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// quiet is how long a run may take before a progress bar appears: shorter ones
// would only flicker.
const quiet = 500 * time.Millisecond

// progress shows how many replicas are done, on a terminal only.
type progress struct {
	w     io.Writer // nil where there is no terminal
	label string

	mu      sync.Mutex
	visible bool
	timer   *time.Timer
	done    int
	total   int
	pool    *mpb.Progress
	bar     *mpb.Bar
}

// newProgress returns a progress on w, silent unless w is a terminal.
func newProgress(w io.Writer, label string) *progress {
	p := &progress{label: label}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
		p.timer = time.AfterFunc(quiet, p.show)
	}
	return p
}

// show starts the bar with what has been done so far.
func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visible = true
	p.draw()
}

// draw brings the bar up to date; p.mu is held.
func (p *progress) draw() {
	if !p.visible || p.total == 0 {
		return
	}
	if p.bar == nil {
		p.pool = mpb.New(mpb.WithOutput(p.w), mpb.WithWidth(48))
		p.bar = p.pool.AddBar(int64(p.total),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(p.label+" ")),
			mpb.AppendDecorators(decor.CountersNoUnit("%d of %d replicas"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	p.bar.SetCurrent(int64(p.done))
}

// report says that done of total replicas have ended; any goroutine may call it.
func (p *progress) report(done, total int) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = max(p.done, done), total
	p.draw()
}

// close takes the bar off the terminal.
func (p *progress) close() {
	if p.w == nil {
		return
	}
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visible = false
	if p.bar == nil {
		return
	}
	p.bar.Abort(true)
	p.pool.Wait()
}
