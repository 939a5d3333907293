package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// content is an encoder of a fixed content.
func content(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func fill(what string) func(createFunc) error {
	return func(create createFunc) error {
		if err := create(resultFile, content(what)); err != nil {
			return err
		}
		return create("charts/one.png", content(what))
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}

func mustOutput(t *testing.T, target string) *outputDir {
	t.Helper()
	d, err := newOutputDir(target, runFiles)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOutputDirAppearsWhole(t *testing.T) {
	base := t.TempDir()
	target := filepath.Join(base, "deep", "run")
	if err := mustOutput(t, target).write(fill("first")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(target, resultFile), "first")
	if err := mustOutput(t, target).write(fill("second")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(target, "charts", "one.png"), "second")
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d entries beside the run, want the run alone", len(entries))
	}
}

// TestOutputDirFailsWhole: an encoder that fails half-way, as on a full disk.
func TestOutputDirFailsWhole(t *testing.T) {
	full := func(create createFunc) error {
		if err := create(resultFile, content("half")); err != nil {
			return err
		}
		return create(jobsFile, func(io.Writer) error { return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC} })
	}
	t.Run("new", func(t *testing.T) {
		base := t.TempDir()
		err := mustOutput(t, filepath.Join(base, "deep", "run")).write(full)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v, want that of the full disk", err)
		}
		wantEmpty(t, base)
	})
	t.Run("over an earlier run", func(t *testing.T) {
		target := filepath.Join(t.TempDir(), "run")
		if err := mustOutput(t, target).write(fill("earlier")); err != nil {
			t.Fatal(err)
		}
		if err := mustOutput(t, target).write(full); err == nil {
			t.Error("no error")
		}
		wantContent(t, filepath.Join(target, resultFile), "earlier")
	})
}

// TestOutputDirKeepsForeignFiles: also when they appear while the run is under way.
func TestOutputDirKeepsForeignFiles(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	d := mustOutput(t, target)
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(target, "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.write(fill("run")); err == nil {
		t.Error("no error")
	}
	wantContent(t, notes, "mine")
	if _, err := newOutputDir(target, runFiles); err == nil {
		t.Error("a folder with notes.txt was accepted")
	}
	if _, err := newOutputDir(notes, runFiles); err == nil {
		t.Error("a file was accepted as a directory")
	}
	if _, err := newOutputDir(filepath.Join(notes, "below"), runFiles); err == nil {
		t.Error("a folder below a file was accepted")
	}
}

// TestOutputDirThroughLink: a run is written to where a link points, and the link stays.
func TestOutputDirThroughLink(t *testing.T) {
	base := t.TempDir()
	real, link := filepath.Join(base, "real"), filepath.Join(base, "link")
	if err := os.Mkdir(real, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	if err := mustOutput(t, link).write(fill("run")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(real, resultFile), "run")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
}

func TestFileName(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"grow-100k", "grow-100k"}, {"a/b", "a-b"}, {"..", "unnamed"}, {"", "unnamed"}, {"a\x00b", "a-b"}, {"韶关", "韶关"},
	} {
		if got := fileName(c.name); got != c.want {
			t.Errorf("fileName(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}
