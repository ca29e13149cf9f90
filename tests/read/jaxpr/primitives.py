"""The primitives of JAX 0.10 and 0.12 that no rule follows: every result needs everything, or nobody can tell.

Together with the tables of rules and calls these are all that JAX has. They are listed for the test alone, which asks
the installed release for primitives that nobody has thought about: what has no rule needs everything for everything.
"""

from __future__ import annotations

# The results need all of the operands: no rule is worth its lines, or nobody but the primitive knows.
GENERAL = """
add_dependency after_all approx_top_k bitcast_convert_type cholesky_update create_token custom_lin dce_sink
dim_as_value dimension_size empty empty2 fft from_edtype geqp3 inspect_sharding iota layout_constraint
lu_pivots_to_permutation ormqr platform_index polynomial print_layout program_order ragged_dot_general
reduced_vary_cast reduced_vary_cast_p reduce_window_max reduce_window_min reduce_window_sum relayout reshard
rng_bit_generator rng_uniform scaled_dot select_and_gather_add shape_assertion shard_alike spsolve symmetric_product
tie to_edtype tridiagonal tridiagonal_solve unique unreachable vary_unreduced_cast vary_unreduced_cast_p
xla_metadata_value zeros_like
"""

RANDOM = """
assert_consumed_value consume iota_2x32_shape philox2x32 philox4x32 random_bits random_clone random_fold_in
random_gamma random_seed random_split random_unwrap random_wrap threefry2x32 threefry4x32
"""

# Primitives that run programs, of JAX or of others, in ways of their own.
PROGRAMS = """
buffer_callback call_exported call_hi_primitive call_hi_primitive_linearized check compute_on core_map custom_fusion
custom_jvp_call_jaxpr custom_linear_solve custom_partitioning custom_vmap_call debug_callback debug_print eval_jaxpr
ffi_call fused_call fusible jaxpr_call linear_call mpmd_map pallas_call pure_callback reduce reduce_window remat_opt
run_scoped run_state select_and_scatter select_and_scatter_add shard_map stage while xla_metadata_call
"""

SPARSE = """
bcoo_dot_general bcoo_dot_general_sampled bcoo_extract bcoo_fromdense bcoo_sort_indices bcoo_spdot_general
bcoo_sum_duplicates bcoo_todense bcoo_transpose bcsr_dot_general bcsr_extract bcsr_fromdense bcsr_todense
coo_fromdense coo_matmat coo_matvec coo_spmm coo_spmv coo_todense csr_fromdense csr_matmat csr_matvec csr_spmm
csr_spmv csr_todense todense
"""

LIBRARIES = """
cudnn_fusion dot_product_attention_bwd dot_product_attention_bwd_wrapper dot_product_attention_fp8_bwd
dot_product_attention_fp8_bwd_wrapper dot_product_attention_fp8_fwd dot_product_attention_fp8_fwd_wrapper
dot_product_attention_fwd dot_product_attention_fwd_wrapper rnn_bwd rnn_fwd scaled_matmul scaled_matmul_wrapper
thunky.all_gather thunky.all_reduce thunky.all_to_all thunky.async_done thunky.async_start thunky.call_jax
thunky.call_thunky_nested thunky.collective_group thunky.collective_permute thunky.cond thunky.copy thunky.custom_call
thunky.inline_constant thunky.memset thunky.memzero thunky.ptx_kernel thunky.reduce_scatter thunky.while
tpu_custom_call
"""

# Inside of `shard_map`, which is not entered.
DEVICES = """
all_gather all_gather_done all_gather_invariant all_gather_reduced all_gather_reduced_start all_gather_start
all_to_all all_to_all_done all_to_all_start axis_index global_array_to_host_local_array has_memory_space
host_local_array_to_global_array pbroadcast pbroadcast_done pbroadcast_dynamic pbroadcast_start pmax pmin ppermute
ppermute_done ppermute_start preduced psum psum_done psum_invariant psum_invariant_start psum_start pvary
ragged_all_to_all reduce_scatter reduce_scatter_done reduce_scatter_start remove_memory_space unreduced_pmax
unreduced_pmin unreduced_psum unreduced_psum_start unreduced_reduce_scatter unreduced_reduce_scatter_start
with_memory_space_constraint
"""

# Inside of kernels of Pallas and Mosaic, which are not entered.
KERNELS = """
_copysign all_reduce_ffs all_reduce_population_count async_copy_scales_to_tmem async_copy_smem_to_tmem
async_copy_sparse_metadata_to_tmem async_load async_prefetch async_store_smem async_store_tmem atomic_cas atomic_rmw
barrier barrier_arrive barrier_arrive_and_wait barrier_test barrier_wait bitcast broadcast_to commit_group commit_smem
commit_tmem conv copy_gmem_to_smem copy_smem_to_gmem debug_barrier debug_barrier_p delay dma_start dma_wait
einshape_lo elementwise_inline_asm elementwise_inline_asm_p emit_pipeline get_barrier_semaphore
griddepcontrol_launch_dependents griddepcontrol_wait inline_mgpu inline_mgpu_p layout_cast load masked_cummax
masked_cummin masked_cumsum masked_sort matmul_acc_lhs matmul_lhs_fifo matmul_pop matmul_pop_fifo matmul_push_rhs
max_contiguous mgpu_atomic_store mma mosaic_gpu_p mosaic_gpu_reduce_max mosaic_gpu_reduce_min mosaic_gpu_reduce_prod
mosaic_gpu_reduce_sum multimem_load_reduce multimem_store multiple_of num_programs pack pack_dtype pack_elementwise
parallel_loop pipeline_body prng_join prng_random_bits prng_seed prng_split program_id query_cluster_cancel reciprocal
roll sc_fetch_and_add scan_count semaphore_read semaphore_signal semaphore_signal_multicast semaphore_signal_parallel
semaphore_wait set_max_registers set_max_registers_p stochastic_round store tcgen05_commit_arrive tcgen05_mma
trace_value try_cluster_cancel unpack unpack_dtype unpack_elementwise wait_gmem_to_smem wait_load_tmem
wait_smem_to_gmem wgmma wgmma_accumulator_deref wgmma_accumulator_deref_p wgmma_accumulator_store
wgmma_accumulator_store_p wgmma_ref wgmma_wait
"""

EVERYTHING = frozenset(" ".join([GENERAL, RANDOM, PROGRAMS, SPARSE, LIBRARIES, DEVICES, KERNELS]).split())
