/* Has library.go's Grow() called: in the library that is the argument, or in this program itself.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    void *library = dlopen(argc > 1 ? argv[1] : NULL, RTLD_NOW);
    long (*grow)(long) = library ? (long (*)(long))dlsym(library, "Grow") : NULL;

    if (!grow) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    printf("moved %d\n", grow(107000) > 0);
    fflush(stdout);
    usleep(400000);
    return 0;
}
