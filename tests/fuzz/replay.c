/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the folders given, where there is no libFuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>

#define INPUT_MAX (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int run_file(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *exact, *p = malloc(INPUT_MAX);
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!p || !f)
		abort();
	n = fread(p, 1, INPUT_MAX, f);
	(void)fclose(f);
	/* Just as long as the input, so that a read beyond it is seen. */
	exact = realloc(p, n ? n : 1);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

int main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		const struct dirent *entry;
		if (!folder)
			return perror(argv[i]), 1;
		while ((entry = readdir(folder)))
			if (entry->d_name[0] != '.')
				ran += run_file(argv[i], entry->d_name);
		(void)closedir(folder);
	}
	(void)printf("%d inputs\n", ran);
	return ran == 0;
}
