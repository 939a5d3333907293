package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// outFile is where a command writes one file, which appears whole or not at all.
type outFile struct {
	name string // as the reader wrote it
	path string // absolute, links followed
}

// newOutFile checks, before any work is done, that the file which a flag names can be
// written: what is there is a regular file or nothing, in a folder that is there.
func newOutFile(flag, name, example string) (*outFile, error) {
	hint := "name a file, such as " + flag + " " + example
	if name == "" {
		return nil, badUsage(hint, "%s is empty", flag)
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, cannot(err, "", "%s: %v", name, plainPathError(err))
	}
	if linked, err := filepath.EvalSymlinks(abs); err == nil {
		abs = linked
	} else if _, is := os.Readlink(abs); is == nil {
		return nil, badUsage(hint, "%s %s is a link that leads to no file", flag, name)
	}
	info, err := os.Stat(abs)
	switch {
	case err == nil && info.IsDir(), errors.Is(err, fs.ErrNotExist) && os.IsPathSeparator(name[len(name)-1]):
		return nil, badUsage(hint, "%s %s is a directory", flag, name)
	case err == nil && !info.Mode().IsRegular():
		return nil, badUsage(hint, "%s %s is not a regular file", flag, name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, cannot(err, "", "%s cannot be written: %v", name, plainPathError(err))
	}
	if info, err := os.Stat(filepath.Dir(abs)); err != nil || !info.IsDir() {
		return nil, cannot(err, "make the folder first", "%s cannot be written: there is no folder %s", name, filepath.Dir(name))
	}
	if err := writable(filepath.Dir(abs)); err != nil {
		return nil, cannot(err, flag+" FILE writes somewhere else", "%s cannot be written: %v", name, plainPathError(err))
	}
	return &outFile{name, abs}, nil
}

// write puts the file in place: made in a hidden directory beside it, then renamed.
func (o *outFile) write(encode func(io.Writer) error) error {
	failed := func(err error) error {
		return cannot(err, "", "%s could not be written: %v", o.name, plainPathError(err))
	}
	work, err := os.MkdirTemp(filepath.Dir(o.path), ".clustercap-*")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "new")
	if err := writeFile(made, encode); err != nil {
		return failed(err)
	}
	if err := os.Rename(made, o.path); err != nil {
		return failed(err)
	}
	return nil
}
