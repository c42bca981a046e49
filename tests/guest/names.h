/*
 * A program that has the guest linked in, and not preloaded, calls its entry
 * points by these names: the sanitizers' allocator keeps the real ones.
 */
#define malloc guest_malloc
#define calloc guest_calloc
#define realloc guest_realloc
#define free guest_free
#define free_sized guest_free_sized
#define free_aligned_sized guest_free_aligned_sized
#define posix_memalign guest_posix_memalign
#define aligned_alloc guest_aligned_alloc
#define memalign guest_memalign
#define valloc guest_valloc
#define pvalloc guest_pvalloc
#define malloc_usable_size guest_malloc_usable_size
