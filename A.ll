define i32 @run(ptr %context, ptr %x, ptr %value, ptr %gradient, ptr %scratch) {
entry:
  %s0 = getelementptr inbounds ptr, ptr %context, i64 0
  %p1 = load ptr, ptr %s0, align 8, !invariant.load !0
  %s2 = getelementptr inbounds ptr, ptr %context, i64 1
  %p3 = load ptr, ptr %s2, align 8, !invariant.load !0
  %s4 = getelementptr inbounds ptr, ptr %context, i64 2
  %p5 = load ptr, ptr %s4, align 8, !invariant.load !0
  %p6 = getelementptr inbounds double, ptr %x, i64 1
  %v7 = load double, ptr %p6, align 8
  %v8 = insertelement <2 x double> poison, double %v7, i64 0
  %v9 = insertelement <2 x double> %v8, double %v7, i64 1
  %m10 = fcmp ogt <2 x double> <double 0xC087500000000000, double 0xC087500000000000>, %v9
  %m11 = select <2 x i1> %m10, <2 x double> <double 0xC087500000000000, double 0xC087500000000000>, <2 x double> %v9
  %m12 = fcmp olt <2 x double> <double 0x4086300000000000, double 0x4086300000000000>, %m11
  %m13 = select <2 x i1> %m12, <2 x double> <double 0x4086300000000000, double 0x4086300000000000>, <2 x double> %m11
  %m14 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m13, <2 x double> <double 0x3FF71547652B82FE, double 0x3FF71547652B82FE>, <2 x double> <double 0x4338000000000000, double 0x4338000000000000>)
  %m15 = fsub <2 x double> %m14, <double 0x4338000000000000, double 0x4338000000000000>
  %m16 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m15, <2 x double> <double 0xBFE62E42FEFA3800, double 0xBFE62E42FEFA3800>, <2 x double> %m13)
  %m17 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m15, <2 x double> <double 0xBD2EF35793C76730, double 0xBD2EF35793C76730>, <2 x double> %m16)
  %m18 = fmul <2 x double> %m17, %m17
  %m19 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3FC5555555555556, double 0x3FC5555555555556>, <2 x double> %m17, <2 x double> <double 0x3FE0000000000001, double 0x3FE0000000000001>)
  %m20 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3F811111111109B5, double 0x3F811111111109B5>, <2 x double> %m17, <2 x double> <double 0x3FA5555555553D68, double 0x3FA5555555553D68>)
  %m21 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3F2A01A01A7C2F2C, double 0x3F2A01A01A7C2F2C>, <2 x double> %m17, <2 x double> <double 0x3F56C16C17889F3C, double 0x3F56C16C17889F3C>)
  %m22 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3EC71DE0DB2EB873, double 0x3EC71DE0DB2EB873>, <2 x double> %m17, <2 x double> <double 0x3EFA019B914881BA, double 0x3EFA019B914881BA>)
  %m23 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3E5AF389EEA54156, double 0x3E5AF389EEA54156>, <2 x double> %m17, <2 x double> <double 0x3E928917C9F3A495, double 0x3E928917C9F3A495>)
  %m24 = fmul <2 x double> %m17, %m17
  %m25 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m20, <2 x double> %m24, <2 x double> %m19)
  %m26 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m22, <2 x double> %m24, <2 x double> %m21)
  %m27 = fmul <2 x double> %m24, %m24
  %m28 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m26, <2 x double> %m27, <2 x double> %m25)
  %m29 = fmul <2 x double> %m27, %m27
  %m30 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m23, <2 x double> %m29, <2 x double> %m28)
  %m31 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m18, <2 x double> %m30, <2 x double> %m17)
  %m32 = bitcast <2 x double> %m14 to <2 x i64>
  %m33 = lshr <2 x i64> %m32, <i64 1, i64 1>
  %m34 = sub <2 x i64> %m32, %m33
  %m35 = shl <2 x i64> %m33, <i64 52, i64 52>
  %m36 = add <2 x i64> %m35, <i64 4607182418800017408, i64 4607182418800017408>
  %m37 = shl <2 x i64> %m34, <i64 52, i64 52>
  %m38 = add <2 x i64> %m37, <i64 4607182418800017408, i64 4607182418800017408>
  %m39 = bitcast <2 x i64> %m36 to <2 x double>
  %m40 = bitcast <2 x i64> %m38 to <2 x double>
  %m41 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m39, <2 x double> %m31, <2 x double> %m39)
  %m42 = fmul <2 x double> %m41, %m40
  %v43 = extractelement <2 x double> %m42, i64 0
  %v44 = load double, ptr %x, align 8
  %v45 = fmul nsz arcp contract double %v44, 0x3FC999999999999A
  %v46 = fmul nsz arcp contract double %v45, %v45
  %v47 = fmul nsz arcp contract double %v46, 0xBFE0000000000000
  %v48 = fadd nsz arcp contract double 0xC0043A1D6E0FF646, %v47
  %v49 = fmul nsz arcp contract double %v43, 0x3FC999999999999A
  %v50 = fmul nsz arcp contract double %v49, %v49
  %v51 = insertelement <2 x double> poison, double %v50, i64 0
  %v52 = insertelement <2 x double> %v51, double %v50, i64 1
  %m53 = fadd <2 x double> %v52, <double 0x3FF0000000000000, double 0x3FF0000000000000>
  %m54 = fcmp olt <2 x double> %m53, <double 0x7FF0000000000000, double 0x7FF0000000000000>
  %m55 = bitcast <2 x double> %m53 to <2 x i64>
  %m56 = add <2 x i64> %m55, <i64 2638147582215219, i64 2638147582215219>
  %m57 = lshr <2 x i64> %m56, <i64 52, i64 52>
  %m58 = sub <2 x i64> <i64 2048, i64 2048>, %m57
  %m59 = shl <2 x i64> %m58, <i64 52, i64 52>
  %m60 = bitcast <2 x i64> %m59 to <2 x double>
  %m61 = fsub <2 x double> %m60, <double 0x4010000000000000, double 0x4010000000000000>
  %m62 = call <2 x double> @llvm.fma.v2f64(<2 x double> %v52, <2 x double> %m60, <2 x double> %m61)
  %m63 = fmul <2 x double> %m62, <double 0x3FD0000000000000, double 0x3FD0000000000000>
  %m64 = or <2 x i64> %m57, <i64 4841369599423283200, i64 4841369599423283200>
  %m65 = bitcast <2 x i64> %m64 to <2 x double>
  %m66 = fsub <2 x double> %m65, <double 0x43300000000003FF, double 0x43300000000003FF>
  %m67 = fadd <2 x double> %m63, <double 0x4000000000000000, double 0x4000000000000000>
  %m68 = fdiv <2 x double> %m63, %m67
  %m69 = fmul <2 x double> %m68, %m68
  %m70 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3FD99999999952E2, double 0x3FD99999999952E2>, <2 x double> %m69, <2 x double> <double 0x3FE5555555555558, double 0x3FE5555555555558>)
  %m71 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3FCC71C62E57C3C4, double 0x3FCC71C62E57C3C4>, <2 x double> %m69, <2 x double> <double 0x3FD2492492DF14BC, double 0x3FD2492492DF14BC>)
  %m72 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3FC39FE604146B74, double 0x3FC39FE604146B74>, <2 x double> %m69, <2 x double> <double 0x3FC7462B4AC441AF, double 0x3FC7462B4AC441AF>)
  %m73 = fmul <2 x double> %m69, %m69
  %m74 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m71, <2 x double> %m73, <2 x double> %m70)
  %m75 = call <2 x double> @llvm.fma.v2f64(<2 x double> <double 0x3FC2B584C6B42D60, double 0x3FC2B584C6B42D60>, <2 x double> %m73, <2 x double> %m72)
  %m76 = fmul <2 x double> %m73, %m73
  %m77 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m75, <2 x double> %m76, <2 x double> %m74)
  %m78 = fneg <2 x double> %m63
  %m79 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m69, <2 x double> %m77, <2 x double> %m78)
  %m80 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m68, <2 x double> %m79, <2 x double> %m63)
  %m81 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m66, <2 x double> <double 0x3D2EF35793C76730, double 0x3D2EF35793C76730>, <2 x double> %m80)
  %m82 = call <2 x double> @llvm.fma.v2f64(<2 x double> %m66, <2 x double> <double 0x3FE62E42FEFA3800, double 0x3FE62E42FEFA3800>, <2 x double> %m81)
  %m83 = select <2 x i1> %m54, <2 x double> %m82, <2 x double> %m53
  %v84 = extractelement <2 x double> %m83, i64 0
  %v85 = fsub nsz arcp contract double 0xC0007CF860AC08FC, %v84
  %v86 = fcmp oge double %v43, 0x0000000000000000
  %v87 = select i1 %v86, double %v85, double 0xFFF0000000000000, !unpredictable !0
  %v88 = fadd nsz arcp contract double %v48, %v87
  %v89 = select i1 %v86, double 0x3FF0000000000000, double 0x0000000000000000, !unpredictable !0
  %v90 = fneg double %v89
  %v91 = fadd nsz arcp contract double 0x3FF0000000000000, %v50
  %v92 = fdiv nsz arcp contract double %v90, %v91
  %v93 = fmul nsz arcp contract double %v49, 0x4000000000000000
  %v94 = fmul nsz arcp contract double %v92, %v93
  %v95 = fmul nsz arcp contract double 0x3FC999999999999A, %v94
  %v96 = fmul nsz arcp contract double %v45, 0xBFE0000000000000
  %v97 = fadd nsz arcp contract double %v96, %v96
  %v98 = fmul nsz arcp contract double 0x3FC999999999999A, %v97
  %v99 = load <4 x double>, ptr %p1, align 8
  %v100 = load double, ptr %x, align 8
  %p101 = getelementptr inbounds double, ptr %x, i64 2
  %v102 = load <4 x double>, ptr %p101, align 8
  %v103 = insertelement <4 x double> poison, double %v43, i64 0
  %v104 = shufflevector <4 x double> %v103, <4 x double> poison, <4 x i32> zeroinitializer
  %v105 = fmul nsz arcp contract <4 x double> %v102, %v104
  %v106 = insertelement <4 x double> poison, double %v100, i64 0
  %v107 = shufflevector <4 x double> %v106, <4 x double> poison, <4 x i32> zeroinitializer
  %v108 = fadd nsz arcp contract <4 x double> %v107, %v105
  %v109 = fsub nsz arcp contract <4 x double> %v99, %v108
  %v110 = load <4 x double>, ptr %p3, align 8
  %v111 = fdiv nsz arcp contract <4 x double> %v109, %v110
  %p112 = getelementptr inbounds double, ptr %p1, i64 4
  %v113 = load <4 x double>, ptr %p112, align 8
  %p114 = getelementptr inbounds double, ptr %x, i64 6
  %v115 = load <4 x double>, ptr %p114, align 8
  %v116 = fmul nsz arcp contract <4 x double> %v115, %v104
  %v117 = fadd nsz arcp contract <4 x double> %v107, %v116
  %v118 = fsub nsz arcp contract <4 x double> %v113, %v117
  %p119 = getelementptr inbounds double, ptr %p3, i64 4
  %v120 = load <4 x double>, ptr %p119, align 8
  %v121 = fdiv nsz arcp contract <4 x double> %v118, %v120
  %v122 = fmul nsz arcp contract <4 x double> %v102, %v102
  %v123 = fmul nsz arcp contract <4 x double> <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>, %v122
  %v124 = fadd nsz arcp contract <4 x double> <double 0xBFED67F1C864BEB4, double 0xBFED67F1C864BEB4, double 0xBFED67F1C864BEB4, double 0xBFED67F1C864BEB4>, %v123
  %v125 = fmul nsz arcp contract <4 x double> %v115, %v115
  %v126 = fmul nsz arcp contract <4 x double> <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>, %v125
  %v127 = fadd nsz arcp contract <4 x double> <double 0xBFED67F1C864BEB4, double 0xBFED67F1C864BEB4, double 0xBFED67F1C864BEB4, double 0xBFED67F1C864BEB4>, %v126
  %v128 = load <4 x double>, ptr %p5, align 8
  %v129 = fmul nsz arcp contract <4 x double> %v111, %v111
  %v130 = fmul nsz arcp contract <4 x double> <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>, %v129
  %v131 = fadd nsz arcp contract <4 x double> %v128, %v130
  %p132 = getelementptr inbounds double, ptr %p5, i64 4
  %v133 = load <4 x double>, ptr %p132, align 8
  %v134 = fmul nsz arcp contract <4 x double> %v121, %v121
  %v135 = fmul nsz arcp contract <4 x double> <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>, %v134
  %v136 = fadd nsz arcp contract <4 x double> %v133, %v135
  %v137 = fmul nsz arcp contract <4 x double> <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>, %v111
  %v138 = fadd nsz arcp contract <4 x double> %v137, %v137
  %v139 = fdiv nsz arcp contract <4 x double> %v138, %v110
  %v140 = fneg <4 x double> %v139
  %v141 = fmul nsz arcp contract <4 x double> <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>, %v121
  %v142 = fadd nsz arcp contract <4 x double> %v141, %v141
  %v143 = fdiv nsz arcp contract <4 x double> %v142, %v120
  %v144 = fneg <4 x double> %v143
  %v145 = fmul nsz arcp contract <4 x double> %v102, %v140
  %v146 = fmul nsz arcp contract <4 x double> %v115, %v144
  %v147 = fmul nsz arcp contract <4 x double> %v102, <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>
  %v148 = fadd nsz arcp contract <4 x double> %v147, %v147
  %v149 = fmul nsz arcp contract <4 x double> %v104, %v140
  %v150 = fadd nsz arcp contract <4 x double> %v148, %v149
  %p151 = getelementptr inbounds double, ptr %gradient, i64 2
  store <4 x double> %v150, ptr %p151, align 8
  %v152 = fmul nsz arcp contract <4 x double> %v115, <double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000, double 0xBFE0000000000000>
  %v153 = fadd nsz arcp contract <4 x double> %v152, %v152
  %v154 = fmul nsz arcp contract <4 x double> %v104, %v144
  %v155 = fadd nsz arcp contract <4 x double> %v153, %v154
  %p156 = getelementptr inbounds double, ptr %gradient, i64 6
  store <4 x double> %v155, ptr %p156, align 8
  %v157 = fadd nsz arcp contract <4 x double> %v124, %v127
  %v158 = call reassoc nsz contract double @llvm.vector.reduce.fadd.v4f64(double 0x8000000000000000, <4 x double> %v157)
  %v159 = fadd nsz arcp contract <4 x double> %v131, %v136
  %v160 = call reassoc nsz contract double @llvm.vector.reduce.fadd.v4f64(double 0x8000000000000000, <4 x double> %v159)
  %v161 = fadd nsz arcp contract <4 x double> %v140, %v144
  %v162 = call reassoc nsz contract double @llvm.vector.reduce.fadd.v4f64(double 0x8000000000000000, <4 x double> %v161)
  %v163 = fadd nsz arcp contract <4 x double> %v145, %v146
  %v164 = call reassoc nsz contract double @llvm.vector.reduce.fadd.v4f64(double 0x8000000000000000, <4 x double> %v163)
  %v165 = fadd nsz arcp contract double %v88, %v158
  %v166 = fadd nsz arcp contract double %v165, %v160
  %p167 = getelementptr inbounds double, ptr %x, i64 1
  %v168 = load double, ptr %p167, align 8
  %v169 = fadd nsz arcp contract double %v168, %v166
  store double %v169, ptr %value, align 8
  %v170 = fadd nsz arcp contract double %v98, %v162
  %v171 = fadd nsz arcp contract double %v95, %v164
  %v172 = fmul nsz arcp contract double %v43, %v171
  %v173 = fadd nsz arcp contract double 0x3FF0000000000000, %v172
  %p174 = getelementptr inbounds double, ptr %gradient, i64 1
  store double %v173, ptr %p174, align 8
  store double %v170, ptr %gradient, align 8
  ret i32 0
}

define i32 @many(ptr %context, ptr %x, ptr %values, ptr %gradients, ptr %scratch, i64 %n) {
entry:
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %head, label %done
head:
  %i = phi i64 [0, %entry], [%next, %good]
  %at = mul i64 %i, 10
  %p = getelementptr double, ptr %x, i64 %at
  %g = getelementptr double, ptr %gradients, i64 %at
  %v = getelementptr double, ptr %values, i64 %i
  %r = call i32 @run(ptr %context, ptr %p, ptr %v, ptr %g, ptr %scratch)
  %ok = icmp eq i32 %r, 0
  br i1 %ok, label %good, label %bad
good:
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %head, label %done
bad:
  ret i32 %r
done:
  ret i32 0
}
!0 = !{}
declare <2 x double> @llvm.fma.v2f64(<2 x double>, <2 x double>, <2 x double>)
declare double @llvm.vector.reduce.fadd.v4f64(double, <4 x double>)
