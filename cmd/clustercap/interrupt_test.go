//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestInterrupt sends the process a real SIGINT in the middle of a run: it ends
// with exit code 1, says so, and leaves neither output nor a hidden directory.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var stdout, stderr bytes.Buffer
	var once sync.Once
	p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, progressed: func(int) {
		once.Do(func() {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
			<-ctx.Done() // the signal has arrived; replicas remain
		})
	}}
	code := p.run(ctx, []string{"run", filepath.Join("testdata", "scenario", "tiny.yaml"), "--replicas", "1000", "--out", filepath.Join(dir, "a", "b")})
	if code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if got, want := stderr.String(), "clustercap: interrupted; nothing was written\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout %q, want nothing", &stdout)
	}
	wantEmpty(t, dir)
}

// TestInterruptBeforeWork holds the same for every command that takes long.
func TestInterruptBeforeWork(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	scenario := filepath.Join("testdata", "scenario", "tiny.yaml")
	for _, args := range [][]string{
		{"run", scenario},
		{"compare", scenario},
		{"explain", scenario},
		{"calibrate", filepath.Join(repository, "sim", "step", "testdata", "steps.csv"), "--chip", "a100-80"},
	} {
		t.Run(args[0], func(t *testing.T) {
			dir := t.TempDir()
			if args[0] != "explain" {
				args = append(args, "--out", filepath.Join(dir, "out"))
			}
			var stdout, stderr bytes.Buffer
			p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
			if code := p.run(ctx, args); code != exitFailed {
				t.Errorf("exit code %d, want %d; stderr: %s", code, exitFailed, &stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout %q, want nothing", &stdout)
			}
			wantEmpty(t, dir)
		})
	}
}
