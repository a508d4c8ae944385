// The room behind the person: the stage's radial gradient, dithered so that no bands show.
#version 330

uniform vec2 size;
uniform vec3 near;
uniform vec3 far;
uniform vec2 radii;
uniform vec2 centre;
uniform float end;

out vec4 pixel;

void main() {
  vec2 from_top = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y) / size;
  float share = min(length((from_top - centre) / radii) / end, 1.0);
  float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5; // interleaved gradient noise (Jimenez 2014)
  pixel = vec4(mix(near, far, share) + grain / 255.0, 1.0);
}
