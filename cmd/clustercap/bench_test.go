//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// BenchmarkRunShaoguan measures the main job as a user meets it: the whole program,
// 32 replicas and charts, in a process of its own. Promised: under 10 s on 2 cores
// and under 500 MB.
func BenchmarkRunShaoguan(b *testing.B) {
	root, err := filepath.Abs(repository)
	if err != nil {
		b.Fatal(err)
	}
	program := filepath.Join(b.TempDir(), "clustercap")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		b.Fatal(err)
	}
	out := filepath.Join(b.TempDir(), "run")
	most := 0.0
	for b.Loop() {
		cmd := exec.Command(program, "run", filepath.Join(root, "scenarios", "shaoguan.yaml"), "--replicas", "32", "--out", out)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			b.Fatal("no resource usage from this system")
		}
		most = max(most, megabytes(usage.Maxrss))
	}
	b.ReportMetric(most, "MB")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/run")
}

// megabytes converts ru_maxrss, which Darwin counts in bytes and others in kilobytes.
func megabytes(maxrss int64) float64 {
	if runtime.GOOS == "darwin" {
		return float64(maxrss) / 1e6
	}
	return float64(maxrss) / 1e3
}
