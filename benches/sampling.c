/* The peer of sampling.rs: preads files through descriptors kept open, nothing else.
 * argv[1] lists them. Each byte on stdin asks for one pass; it prints its nanoseconds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char path[4096], buffer[16384];
	int *files = NULL;
	size_t count = 0, room = 0;
	FILE *list = argc > 1 ? fopen(argv[1], "r") : NULL;

	if (!list)
		return 1;
	while (fgets(path, sizeof path, list)) {
		path[strcspn(path, "\n")] = 0;
		if (count == room)
			files = realloc(files, (room = room * 2 + 64) * sizeof *files);
		files[count] = open(path, O_RDONLY | O_CLOEXEC);
		if (files[count++] < 0)
			return 2;
	}
	while (getchar() != EOF) {
		struct timespec start, end;
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (size_t i = 0; i < count; i++)
			if (pread(files[i], buffer, sizeof buffer, 0) < 0)
				return 3;
		clock_gettime(CLOCK_MONOTONIC, &end);
		printf("%lld\n", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec);
		fflush(stdout);
	}
	return 0;
}
