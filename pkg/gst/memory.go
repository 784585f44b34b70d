package gst

/*
#include "memory.h"
*/
import "C"

// ReleaseLibraries gives back the memory that holds code and constants of libraries; what is used of it comes back from
// the system's file cache by itself. Most of what a decoder's library brings is of other codecs.
func ReleaseLibraries() { C.ls_release_libraries() }

// ReleaseHeap gives freed memory of C back to the system, which the allocator would keep.
func ReleaseHeap() { C.ls_release_heap() }
