package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"linkstart/pkg/camera"
)

// replace puts after in the place of before in the file at path, and reports false where the file holds something else by
// now. Whoever reads the file sees the one or the other. Its rights and its owner stay, and a symbolic link stays one. Where
// no other file may be put in its place, because it is mounted by itself, say, or its folder may not be written, it is written
// in place.
func replace(path string, before, after []byte) (written bool, err error) {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, notSaved(path, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return false, notSaved(path, err)
	}
	if info.Mode().Perm()&0o222 == 0 { // for root, who may write it all the same
		return false, notSaved(path, errors.New("it is read-only"))
	}
	writable, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return false, notSaved(path, err)
	}
	defer writable.Close()
	beside, err := writeBeside(file, info, after)
	if err == nil {
		defer os.Remove(beside) // nothing is there after a rename
	}
	now, readErr := read(file)
	if readErr != nil {
		return false, notSaved(path, readErr)
	}
	if !bytes.Equal(now, before) {
		return false, nil
	}
	if err == nil {
		err = os.Rename(beside, file)
	}
	if err == nil {
		syncDir(filepath.Dir(file))
		return true, nil
	}
	if !inPlace(err) {
		return false, notSaved(path, err)
	}
	if err := writeOver(writable, after); err != nil {
		return false, notSaved(path, errors.Join(err, writeOver(writable, before)))
	}
	return true, nil
}

// inPlace tells whether the file can only be written as it is. Where there is no room for a second one, say, the first is not
// risked.
func inPlace(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV)
}

// notSaved tells the user why, by what the system says.
func notSaved(path string, err error) error {
	why := err
	var of *os.PathError
	if errors.As(err, &of) {
		why = of.Err
	}
	return &camera.Error{
		Say: fmt.Sprintf("%s cannot be written (%v): give the user of the supervisor the right to, or write the camera in by hand", path, why),
		Err: errors.Join(ErrNotSaved, err),
	}
}

// writeBeside makes a file like the one at path, with another content, in the same folder.
func writeBeside(path string, like os.FileInfo, content []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if owner, ok := like.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return "", err
		}
	}
	if err := f.Chmod(like.Mode().Perm()); err != nil { // after the owner, whose change takes rights away
		return "", err
	}
	if _, err := f.Write(content); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

func writeOver(f *os.File, content []byte) error {
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(content))); err != nil {
		return err
	}
	return f.Sync()
}

// syncDir has a rename outlive a power cut.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return // it may be searched, but not read: the rename has happened
	}
	defer d.Close()
	_ = d.Sync() // not every file system can
}
