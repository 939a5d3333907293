package des

// Queue is a priority queue of events in the total order (At, Kind, order of
// pushing). The zero value is ready to use; events of equal time and kind leave
// first in, first out. Push and Pop do not allocate once the queue has grown to
// its largest length.
//
// It is a 4-ary heap from root on: the children of i are the four from 4(i-2), and
// none is before its parent. With the root at 3 and keys of 16 bytes, four siblings
// share one cache line (LaMarca and Ladner, The Influence of Caches on the
// Performance of Heaps, 1996). Payloads follow their keys in a slice of their own.
type Queue struct {
	keys     []key
	payloads []payload
	pushes   uint64
	touched  uint64 // see sink; its value means nothing
}

const (
	arity = 4
	root  = 3
)

// Len returns the number of pending events.
func (q *Queue) Len() int { return max(0, len(q.keys)-root) }

// Reset empties the queue, keeps its memory and starts counting pushes anew.
func (q *Queue) Reset() {
	q.keys = q.keys[:0]
	q.payloads = q.payloads[:0]
	q.pushes = 0
}

// Push adds an event.
func (q *Queue) Push(e Event) {
	if len(q.keys) == 0 { // fill the places before the root
		q.keys = append(q.keys, make([]key, root)...)
		q.payloads = append(q.payloads, make([]payload, root)...)
	}
	k, p := split(e, q.pushes)
	q.pushes++
	q.keys = append(q.keys, k)
	q.payloads = append(q.payloads, p)
	q.rise(len(q.keys)-1, k, p)
}

// Peek returns the next event without removing it, and false when there is none.
func (q *Queue) Peek() (Event, bool) {
	if q.Len() == 0 {
		return Event{}, false
	}
	return join(q.keys[root], q.payloads[root]), true
}

// Pop removes and returns the next event, and false when there is none.
func (q *Queue) Pop() (Event, bool) {
	if q.Len() == 0 {
		return Event{}, false
	}
	first := join(q.keys[root], q.payloads[root])
	last := len(q.keys) - 1
	k, p := q.keys[last], q.payloads[last]
	q.keys, q.payloads = q.keys[:last], q.payloads[:last]
	if last > root {
		// The last leaf nearly always belongs near the bottom again, so the hole
		// sinks to a leaf without comparing with it, then the leaf rises from
		// there (Wegener, Bottom-up Heapsort, 1993).
		q.rise(q.sink(), k, p)
	}
	return first, true
}

// sink moves the hole at the root down to a leaf, always towards the earliest
// child, and returns where it ends.
func (q *Queue) sink() int {
	keys := q.keys
	payloads := q.payloads[:len(keys)]
	hole := root
	for {
		child := arity * (hole - 2)
		if child+arity > len(keys) {
			return q.sinkLast(hole, child)
		}
		// Without a branch nothing runs ahead to fetch the next generation, so
		// read from all four of its cache lines before it is known which one
		// matters: a third faster at a million pending.
		if next := arity * (child - 2); next+arity*arity <= len(keys) {
			q.touched ^= keys[next].at ^ keys[next+arity].at ^ keys[next+2*arity].at ^ keys[next+3*arity].at
		}
		// Two pairs, then the winners: comparisons that do not wait for each other.
		four := keys[child : child+arity : child+arity]
		a := four[1].before(&four[0])
		b := 2 + four[3].before(&four[2])
		a += (b - a) * four[b&3].before(&four[a&3])
		keys[hole] = four[a&3]
		payloads[hole] = payloads[child+int(a)]
		hole = child + int(a)
	}
}

// sinkLast is the last step of sink, where there are fewer than four children.
func (q *Queue) sinkLast(hole, child int) int {
	if child >= len(q.keys) {
		return hole
	}
	best := child
	for c := child + 1; c < len(q.keys); c++ {
		if q.keys[c].before(&q.keys[best]) == 1 {
			best = c
		}
	}
	q.keys[hole], q.payloads[hole] = q.keys[best], q.payloads[best]
	return best
}

// rise places an event at the hole i or above, where it belongs.
func (q *Queue) rise(i int, k key, p payload) {
	for i > root {
		parent := i/arity + 2
		if k.before(&q.keys[parent]) == 0 {
			break
		}
		q.keys[i], q.payloads[i] = q.keys[parent], q.payloads[parent]
		i = parent
	}
	q.keys[i], q.payloads[i] = k, p
}
