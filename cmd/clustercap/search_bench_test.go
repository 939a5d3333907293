package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkSearch searches layouts where that takes longest: where nothing fits or barely
// anything, on a torus, with long sequences, and batches of many divisors. Promised: under
// 3 s on one core for any model and chip of the catalog, on up to 100,000 chips, with
// sequences of up to 131,072 tokens.
func BenchmarkSearch(b *testing.B) {
	for _, c := range []struct {
		model, chip            string
		chips, sequence, batch int
		exit                   int
	}{
		{"kimi-k2-1t", "ascend-950dt", 64, 65536, 256, exitFailed},
		{"kimi-k2-1t", "tpu-v5e", 8, 131072, 5040, exitFailed},
		{"mixtral-8x22b", "tpu-v5e", 64, 65536, 2048, exitFailed},
		{"dense-1t", "tpu-v5e", 16384, 8192, 15360, exitDone},
		{"kimi-k2-1t", "trainium1", 100_000, 131072, 5040, exitDone},
		{"qwen3-235b-a22b", "tpu-v7x", 100_000, 32768, 512, exitDone},
		{"deepseek-v3", "tpu-v7x", 100_000, 131072, 256, exitDone},
	} {
		args := fmt.Sprintf("search --model %s --chip %s --chips %d --sequence %d --batch %d", c.model, c.chip, c.chips, c.sequence, c.batch)
		b.Run(fmt.Sprintf("%s on %d %s", c.model, c.chips, c.chip), func(b *testing.B) {
			for b.Loop() {
				if exit := run(strings.Fields(args), strings.NewReader(""), io.Discard, io.Discard); exit != c.exit {
					b.Fatalf("%s: exit code %d, want %d", args, exit, c.exit)
				}
			}
		})
	}
}
