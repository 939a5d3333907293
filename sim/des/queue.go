package des

// Event is plain data: when, what, to whom. The meaning of Class, Kind, Index and
// Epoch is its handler's.
type Event struct {
	At Time
	// Class orders events of the same Time, lowest first.
	Class uint8
	Kind  uint8
	Index int32
	// Epoch lets a handler cancel: it bumps the epoch of the entity and ignores
	// events that carry an older one. Nothing is removed from the queue.
	Epoch uint32

	// seq is the class in the top byte and the count of pushes below it, so that
	// one comparison decides between events of the same time. 2^56 pushes take a
	// century at 20 million per second.
	seq uint64
}

const classShift = 56

// before is the total order: time, then class, then order of pushing.
func (e *Event) before(o *Event) bool {
	if e.At != o.At {
		return e.At < o.At
	}
	return e.seq < o.seq
}

// Queue is a priority queue of events in the total order (At, Class, order of
// pushing). The zero value is ready to use; events of equal time and class leave
// first in, first out. Push and Pop do not allocate once the queue has grown to
// its largest length.
type Queue struct {
	// heap is a 4-ary heap: the children of i are 4i+1 to 4i+4, and no child is
	// before its parent. Four siblings of 32 bytes span two cache lines, and the
	// tree is half as deep as a binary one.
	heap   []Event
	pushes uint64
}

const arity = 4

// Len returns the number of pending events.
func (q *Queue) Len() int { return len(q.heap) }

// Reset empties the queue, keeps its memory and starts counting pushes anew.
func (q *Queue) Reset() {
	q.heap = q.heap[:0]
	q.pushes = 0
}

// Push adds an event.
func (q *Queue) Push(e Event) {
	e.seq = uint64(e.Class)<<classShift | q.pushes
	q.pushes++
	q.heap = append(q.heap, e)
	q.up(len(q.heap)-1, e)
}

// Peek returns the next event without removing it, and false when there is none.
func (q *Queue) Peek() (Event, bool) {
	if len(q.heap) == 0 {
		return Event{}, false
	}
	return q.heap[0], true
}

// Pop removes and returns the next event, and false when there is none.
func (q *Queue) Pop() (Event, bool) {
	if len(q.heap) == 0 {
		return Event{}, false
	}
	first := q.heap[0]
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		// The last leaf nearly always belongs near the bottom again, so the hole
		// sinks to a leaf without comparing with it, then e rises from there
		// (Wegener, bottom-up heapsort, 1993).
		q.up(q.sink(), e)
	}
	return first, true
}

// sink moves the hole at the root down to a leaf, always towards the earliest
// child, and returns where it ends.
func (q *Queue) sink() int {
	h := q.heap
	hole := 0
	for {
		child := arity*hole + 1
		if child+arity > len(h) {
			return q.sinkLast(hole, child)
		}
		// Two pairs, then the winners: comparisons that do not wait for each other.
		four := h[child : child+arity : child+arity]
		a, b := 0, 2
		if four[1].before(&four[0]) {
			a = 1
		}
		if four[3].before(&four[2]) {
			b = 3
		}
		if four[b].before(&four[a]) {
			a = b
		}
		h[hole] = four[a]
		hole = child + a
	}
}

// sinkLast is the last step of sink, where there are fewer than four children.
func (q *Queue) sinkLast(hole, child int) int {
	h := q.heap
	if child >= len(h) {
		return hole
	}
	best := child
	for c := child + 1; c < len(h); c++ {
		if h[c].before(&h[best]) {
			best = c
		}
	}
	h[hole] = h[best]
	return best
}

// up places e at the hole i or above, where it belongs.
func (q *Queue) up(i int, e Event) {
	h := q.heap
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(&h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}
